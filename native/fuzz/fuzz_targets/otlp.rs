//! Whatever the check lets through must decode, encode, and mean the same afterwards.
#![no_main]

use _native::otlp::{check, decode, encode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    let Ok(counts) = check(payload) else { return };
    let columns = decode([payload]).expect("a checked payload decodes");
    assert_eq!(columns.len(), counts.spans);
    let encoded = encode(&columns);
    let again = check(&encoded).expect("what we encode passes the check");
    assert_eq!(again.spans, counts.spans);
    // Resources that differed in unknown fields only are equal now and join; then nothing changes.
    let again = |bytes: &[u8]| encode(&decode([bytes]).expect("what we encode decodes"));
    let settled = again(&encoded);
    assert_eq!(again(&settled), settled, "encoding is a fixed point");
});
