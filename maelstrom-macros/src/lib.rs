//! The attribute `#[maelstrom::test]`: parses, checks and expands; whatever has logic lives in the library.
