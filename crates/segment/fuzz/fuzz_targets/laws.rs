//! Any text, cut in two: the laws of `tests/common` hold for both parts.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut middle = text.len() / 2;
    while !text.is_char_boundary(middle) {
        middle -= 1;
    }
    common::check(&text[..middle], &text[middle..]);
});
