//! The transcoder on documents small enough to read; generated ones are compared with
//! google.protobuf in the Python tests.

use super::{from_protobuf, to_protobuf};

fn round_trip(json: &str) -> String {
    let wire = to_protobuf(json.as_bytes()).expect(json);
    String::from_utf8(from_protobuf(&wire).unwrap()).unwrap()
}

/// A request whose only span has the given members.
fn span(members: &str) -> String {
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{members}}}]}}]}}]}}"#)
}

/// A span whose only attribute has the given value.
fn attribute(value: &str) -> String {
    span(&format!(r#""attributes":[{{"key":"k","value":{value}}}]"#))
}

fn refusal(json: &str) -> String {
    to_protobuf(json.as_bytes()).expect_err(json).to_string()
}

#[test]
fn a_full_document_comes_back_as_it_was() {
    let document = concat!(
        r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","#,
        r#""value":{"stringValue":"checkout"}}],"droppedAttributesCount":1,"entityRefs":["#,
        r#"{"schemaUrl":"u","type":"service","idKeys":["service.name",""],"#,
        r#""descriptionKeys":["d"]}]},"#,
        r#""scopeSpans":[{"scope":{"name":"lib","version":"1","attributes":[],"#,
        r#""droppedAttributesCount":2},"spans":[{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","#,
        r#""spanId":"00f067aa0ba902b7","traceState":"a=b","parentSpanId":"00f067aa0ba902b8","#,
        r#""name":"GET \"/\"\n","kind":2,"startTimeUnixNano":"1700000000000000000","#,
        r#""endTimeUnixNano":"18446744073709551615","events":[{"timeUnixNano":"1","name":"e","#,
        r#""droppedAttributesCount":4}],"droppedEventsCount":5,"links":[{"#,
        r#""traceId":"00000000000000000000000000000000","spanId":"0000000000000001","#,
        r#""traceState":"x","droppedAttributesCount":6,"flags":257}],"droppedLinksCount":7,"#,
        r#""status":{"message":"bad","code":2},"flags":768}],"schemaUrl":"s"}],"#,
        r#""schemaUrl":"r"}]}"#,
    );
    assert_eq!(round_trip(document), document.replace(r#""attributes":[],"#, ""));
}

#[test]
fn members_of_a_oneof_are_written_when_they_are_zero() {
    for value in [
        r#"{"stringValue":""}"#,
        r#"{"boolValue":false}"#,
        r#"{"intValue":"0"}"#,
        r#"{"doubleValue":0.0}"#,
        r#"{"doubleValue":-0.0}"#,
        r#"{"arrayValue":{}}"#,
        r#"{"kvlistValue":{}}"#,
        r#"{"bytesValue":""}"#,
        r#"{"stringValueStrindex":0}"#,
        "{}",
        r#"{"arrayValue":{"values":[{},{"kvlistValue":{"values":[{"key":"a"}]}}]}}"#,
    ] {
        assert_eq!(round_trip(&attribute(value)), attribute(value));
    }
}

#[test]
fn other_spellings_are_read_and_one_is_written() {
    for (given, written) in [
        (
            r#""trace_id":"4BF92F3577B34DA6A3CE929D0E0E4736""#,
            r#""traceId":"4bf92f3577b34da6a3ce929d0e0e4736""#,
        ),
        (r#""start_time_unix_nano":17"#, r#""startTimeUnixNano":"17""#),
        (r#""startTimeUnixNano":1.7e18"#, r#""startTimeUnixNano":"1700000000000000000""#),
        (r#""kind":"SPAN_KIND_CONSUMER""#, r#""kind":5"#),
        (r#""kind":77"#, r#""kind":77"#),
        (r#""status":{"code":"STATUS_CODE_ERROR"}"#, r#""status":{"code":2}"#),
        (r#""flags":"3""#, r#""flags":3"#),
        (r#""name":null,"events":null,"kind":1"#, r#""kind":1"#),
        (r#""traceId":"","name":"","kind":0,"flags":0"#, ""),
        (r#""nested":{"deep":[1,{"a":[]}]},"name":"n","x":1e999"#, r#""name":"n""#),
        (r#""name":"\u00e9\ud83d\ude00\u0000""#, "\"name\":\"é😀\\u0000\""),
    ] {
        assert_eq!(round_trip(&span(given)), span(written));
    }
    for (given, written) in [
        (r#"{"intValue":-5}"#, r#"{"intValue":"-5"}"#),
        (r#"{"intValue":"-9223372036854775808"}"#, r#"{"intValue":"-9223372036854775808"}"#),
        (r#"{"doubleValue":"1.5"}"#, r#"{"doubleValue":1.5}"#),
        (r#"{"doubleValue":3}"#, r#"{"doubleValue":3.0}"#),
        (r#"{"doubleValue":"NaN"}"#, r#"{"doubleValue":"NaN"}"#),
        (r#"{"doubleValue":"-Infinity"}"#, r#"{"doubleValue":"-Infinity"}"#),
        (r#"{"bytesValue":"-_8"}"#, r#"{"bytesValue":"+/8="}"#),
        (r#"{"bytesValue":"+/8="}"#, r#"{"bytesValue":"+/8="}"#),
        (r#"{"intValue":1,"stringValue":"last","boolValue":null}"#, r#"{"stringValue":"last"}"#),
        (r#"{"arrayValue":{"values":[null]}}"#, r#"{"arrayValue":{"values":[{}]}}"#),
    ] {
        assert_eq!(round_trip(&attribute(given)), attribute(written));
    }
}

#[test]
fn a_refusal_names_path_offset_and_what_belongs_there() {
    let at = "resourceSpans[0].scopeSpans[0].spans[0]";
    // The caret marks the byte that must be named.
    for (members, path, reason) in [
        (r#""traceId":^"abc""#, ".traceId", r#""abc" is not a string of 32 hexadecimal digits"#),
        (
            r#""spanId":^"zzf067aa0ba902b7""#,
            ".spanId",
            r#""zzf067aa0ba902b7" is not a string of 16 hexadecimal digits"#,
        ),
        (r#""name":^5"#, ".name", "invalid type: integer `5`, expected a string"),
        (
            r#""status":{"code":^"OK"}"#,
            ".status.code",
            "\"OK\" is not an integer or one of STATUS_CODE_UNSET, STATUS_CODE_OK, STATUS_CODE_ERROR",
        ),
        (
            r#""startTimeUnixNano":^-1"#,
            ".startTimeUnixNano",
            "-1 is not an unsigned 64-bit integer",
        ),
        (r#""flags":^4294967296"#, ".flags", "4294967296 is not an unsigned 32-bit integer"),
        (r#""events"^:{}"#, ".events", "invalid type: map, expected an array"),
        (r#""events":[nul^l]"#, ".events[0]", "invalid type: null, expected an object"),
    ] {
        let marked = span(members);
        let offset = marked.find('^').unwrap();
        let expected = format!("{at}{path} at byte {offset}: {reason}");
        assert_eq!(refusal(&marked.replace('^', "")), expected);
    }
    for value in [
        "5",
        r#"{"intValue":1.5}"#,
        r#"{"intValue":"9223372036854775808"}"#,
        r#"{"boolValue":"true"}"#,
        r#"{"boolValue":1}"#,
        r#"{"doubleValue":1e999}"#,
        r#"{"doubleValue":"inf"}"#,
        r#"{"doubleValue":"nan"}"#,
        r#"{"bytesValue":"?"}"#,
        r#"{"bytesValue":[1]}"#,
        r#"{"stringValue":true}"#,
        r#"{"stringValue":"\ud800"}"#,
        r#"{"intValue":"\ud800"}"#,
        r#"{"arrayValue":[1]}"#,
    ] {
        let message = refusal(&attribute(value));
        assert!(message.starts_with(&format!("{at}.attributes[0].value")), "{message}");
    }
}

#[test]
fn text_that_is_not_json_is_refused_where_it_breaks() {
    for (json, expected) in [
        ("", "JSON at byte 0: EOF while parsing a value"),
        ("[]", "JSON at byte 0: invalid type: sequence, expected an object"),
        ("null", "JSON at byte 3: invalid type: null, expected an object"),
        ("{} x", "JSON at byte 3: trailing characters"),
        ("{\n\n \"resourceSpans\":[,]}", "resourceSpans[0] at byte 21: expected value"),
    ] {
        assert_eq!(refusal(json), expected);
    }
    assert_eq!(
        to_protobuf(b"{\"a\":\"\xff\"}").unwrap_err().to_string(),
        "JSON at byte 6: text is not valid UTF-8"
    );
    let document = attribute(r#"{"stringValue":"é"}"#);
    for end in 0..document.len() {
        assert!(to_protobuf(&document.as_bytes()[..end]).is_err());
    }
}

#[test]
fn a_bottomless_document_is_refused_and_a_deep_one_is_not() {
    let nested = |levels: usize| {
        let open = r#"{"kvlistValue":{"values":[{"value":"#;
        attribute(&format!("{}{{}}{}", open.repeat(levels), "}]}}".repeat(levels)))
    };
    let deep = nested(48);
    assert_eq!(round_trip(&deep), deep);
    assert!(refusal(&nested(100)).contains("values nest too deep"));
    let ignored = format!(r#"{{"x":{}}}"#, "[".repeat(1_000_000));
    assert!(refusal(&ignored).contains("expected value"));
}

#[test]
fn protobuf_in_any_order_is_merged_as_protobuf_prescribes() {
    let value = |members: &[u8]| {
        // resource_spans / resource / attributes / {key: "k", value: members}
        let mut wire = members.to_vec();
        for tag in [0x12, 0x0a, 0x0a, 0x0a] {
            wire = [&[tag, wire.len() as u8], &wire[..]].concat();
            if tag == 0x12 {
                wire = [b"\x0a\x01k", &wire[..]].concat();
            }
        }
        String::from_utf8(from_protobuf(&wire).unwrap()).unwrap()
    };
    let document = |value: &str| {
        format!(
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"k","value":{value}}}]}}}}]}}"#
        )
    };
    // int_value 1, then string_value "a": the last member is set.
    assert_eq!(value(b"\x18\x01\x0a\x01a"), document(r#"{"stringValue":"a"}"#));
    // array_value [true], int_value, array_value [1], array_value [2]: the last two merge.
    assert_eq!(
        value(b"\x2a\x04\x0a\x02\x10\x01\x18\x05\x2a\x04\x0a\x02\x18\x01\x2a\x04\x0a\x02\x18\x02"),
        document(r#"{"arrayValue":{"values":[{"intValue":"1"},{"intValue":"2"}]}}"#)
    );
    // schema_url before resource, twice; an unknown field between.
    assert_eq!(
        from_protobuf(b"\x0a\x0c\x1a\x01a\x78\x05\x0a\x02\x10\x07\x1a\x01b").unwrap(),
        br#"{"resourceSpans":[{"resource":{"droppedAttributesCount":7},"schemaUrl":"b"}]}"#
    );
}

#[test]
fn malformed_protobuf_is_refused_with_field_and_offset() {
    for (wire, expected) in [
        (
            &b"\x0a\x05\x0a"[..],
            "resource_spans at byte 1: length 5 exceeds the 1 bytes left in the message",
        ),
        (
            b"\x0a\x04\x1a\x02\xff\xff",
            "resource_spans.schema_url at byte 4: string is not valid UTF-8",
        ),
        (b"\x08\x01", "resource_spans at byte 1: wire type 0 where 2 belongs"),
        (
            b"\x0a\x07\x12\x05\x12\x03\x0a\x01\x01",
            "resource_spans.scope_spans.spans.trace_id at byte 8: must have 16 bytes, has 1",
        ),
    ] {
        assert_eq!(from_protobuf(wire).unwrap_err().to_string(), expected);
    }
}
