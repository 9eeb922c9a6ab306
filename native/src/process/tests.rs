//! The sampler against the golden values of the Collector's own tests.

use super::sampler::{Mode, hashed_randomness, threshold};
use super::tracestate::{Field, TraceState};

fn text(threshold: u64) -> String {
    let mut state = TraceState::parse(b"").unwrap();
    state.threshold = Some(Field::new(threshold));
    let mut out = Vec::new();
    state.write(&mut out);
    String::from_utf8(out).unwrap().replace("ot=th:", "")
}

#[test]
fn a_probability_becomes_the_collectors_threshold() {
    for (probability, precision, expected) in [
        (0.01, 4, "fd70a"),
        (0.01, 3, "fd71"),
        (0.01, 14, "fd70a3d70a3d71"),
        (0.1, 4, "e666"),
        (1.0 / 3.0, 4, "aaab"),
        (0.99, 4, "028f6"),
        (0.001, 4, "ffbe77"),
        (0.0001, 4, "fff9724"),
        (0.4, 3, "99a"),
        (0.4, 6, "99999a"),
        (0.2, 6, "cccccd"),
        (1.0, 4, "0"),
        (0.5, 1, "8"),
        (2f64.powi(-56), 4, "ffffffffffffff"),
    ] {
        assert_eq!(text(threshold(probability, precision)), expected, "{probability}/{precision}");
    }
}

#[test]
fn a_percentage_becomes_a_threshold_of_14_bits_in_hash_seed_mode() {
    for (percentage, expected) in
        [(10.0, "e668"), (100.0 / 3.0, "aaac"), (100.0, "0"), (150.0, "0")]
    {
        let Mode::HashSeed { threshold, .. } = Mode::new("hash_seed", percentage, 0, 4) else {
            panic!("{percentage} is sampled by hash");
        };
        assert_eq!(text(threshold), expected);
    }
    assert_eq!(Mode::new("hash_seed", 0.006, 0, 4), Mode::Never);
    assert_eq!(Mode::new("equalizing", 0.0, 0, 4), Mode::Never);
}

#[test]
fn a_trace_id_and_a_seed_give_the_collectors_randomness() {
    let id = u128::to_be_bytes(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
    assert_eq!(hashed_randomness(0, &id), 0xfd_c80d_0b42_008d);
    assert_eq!(hashed_randomness(22, &id), 0x3e_5015_8161_306b);
}
