//! OTLP/JSON that is taken must be OTLP, and must survive the way back.
#![no_main]

use _native::otlp::{check, json};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let Ok(payload) = json::to_protobuf(text) else { return };
    if check(&payload).is_err() {
        return;
    }
    let written = json::from_protobuf(&payload).expect("a checked payload has a JSON form");
    json::to_protobuf(&written).expect("the JSON we write can be read");
});
