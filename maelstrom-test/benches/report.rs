//! Time to write the report of a run with more than 10,000 events, and the sizes of its files.
//!
//! `cargo bench -p maelstrom-test --bench report`

#[path = "../tests/browser/gallery.rs"]
mod gallery;
#[path = "../tests/browser/nodes.rs"]
mod nodes;

use std::time::Instant;

use gallery::SampleRun;
use maelstrom::report;

fn main() {
    let directory = std::env::temp_dir().join(format!("maelstrom-bench-report-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("the temporary directory can be written");
    let sample = SampleRun { rate: 150.0, seconds: 60, ..SampleRun::new("lin-kv", true) };
    sample.view(&directory, |view| {
        println!(
            "{}: {} of {} events, {} operations",
            sample.name(),
            view.journal.len(),
            view.journal_events,
            view.invoked()
        );
        let mut times: Vec<_> = (0..11)
            .map(|_| {
                let began = Instant::now();
                report::write(view, &directory).expect("the temporary directory can be written");
                began.elapsed()
            })
            .collect();
        times.sort_unstable();
        println!("all files: median {:?}, maximum {:?}", times[5], times[10]);
    });
    let written = sample.write(&directory.join("again"));
    for name in ["report.html", "timeline.html", "messages.svg", "latency-raw.svg", "report.txt", "results.json"] {
        let size = std::fs::metadata(written.join(name)).expect("it is written").len();
        println!("{name}: {size} bytes");
    }
    std::fs::remove_dir_all(&directory).expect("it is ours");
}
