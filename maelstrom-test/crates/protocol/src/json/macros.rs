//! The macro `json!`.

/// Creates a [`Value`](crate::json::Value) from a JSON literal that may contain expressions.
///
/// Keys are literals, variables, or expressions in parentheses.
///
/// ```
/// use maelstrom_protocol::json::json;
/// let (key, value) = ("x", 3);
/// let body = json!({"type": "write", "pair": [key, value + 1], (key): null});
/// assert_eq!(body.to_string(), r#"{"pair":["x",4],"type":"write","x":null}"#);
/// ```
#[macro_export]
#[doc(hidden)]
macro_rules! json_value {
    // Elements of an array: those already expanded in brackets, then the rest.
    (@array [$($done:expr,)*]) => { ::std::vec![$($done,)*] };
    (@array [$($done:expr,)*] null $(, $($rest:tt)*)?) => {
        $crate::json_value!(@array [$($done,)* $crate::json::Value::Null,] $($($rest)*)?)
    };
    (@array [$($done:expr,)*] [$($inner:tt)*] $(, $($rest:tt)*)?) => {
        $crate::json_value!(@array [$($done,)* $crate::json_value!([$($inner)*]),] $($($rest)*)?)
    };
    (@array [$($done:expr,)*] {$($inner:tt)*} $(, $($rest:tt)*)?) => {
        $crate::json_value!(@array [$($done,)* $crate::json_value!({$($inner)*}),] $($($rest)*)?)
    };
    (@array [$($done:expr,)*] $next:expr $(, $($rest:tt)*)?) => {
        $crate::json_value!(@array [$($done,)* $crate::json_value!($next),] $($($rest)*)?)
    };
    // Entries of an object.
    (@object $entries:ident) => {};
    (@object $entries:ident $key:tt : null $(, $($rest:tt)*)?) => {
        $entries.insert(::std::string::String::from($key), $crate::json::Value::Null);
        $crate::json_value!(@object $entries $($($rest)*)?)
    };
    (@object $entries:ident $key:tt : [$($inner:tt)*] $(, $($rest:tt)*)?) => {
        $entries.insert(::std::string::String::from($key), $crate::json_value!([$($inner)*]));
        $crate::json_value!(@object $entries $($($rest)*)?)
    };
    (@object $entries:ident $key:tt : {$($inner:tt)*} $(, $($rest:tt)*)?) => {
        $entries.insert(::std::string::String::from($key), $crate::json_value!({$($inner)*}));
        $crate::json_value!(@object $entries $($($rest)*)?)
    };
    (@object $entries:ident $key:tt : $value:expr $(, $($rest:tt)*)?) => {
        $entries.insert(::std::string::String::from($key), $crate::json_value!($value));
        $crate::json_value!(@object $entries $($($rest)*)?)
    };
    (null) => { $crate::json::Value::Null };
    ([]) => { $crate::json::Value::Array(::std::vec::Vec::new()) };
    ([$($items:tt)+]) => { $crate::json::Value::Array($crate::json_value!(@array [] $($items)+)) };
    ({}) => { $crate::json::Value::Object($crate::json::Map::new()) };
    ({$($entries:tt)+}) => {{
        let mut entries = $crate::json::Map::new();
        $crate::json_value!(@object entries $($entries)+);
        $crate::json::Value::Object(entries)
    }};
    ($value:expr) => { $crate::json::ToJson::to_json(&$value) };
}
