//! What comes from a version that does not exist yet must neither break this one nor be lost
//! where it is only passed on.

use landline_protocol::frame::DeviceInfo;
use landline_protocol::{
    Answer, Body, ClientFrame, ErrorCode, Sequenced, ServerFrame, Signed, Verdict, WireError,
};
use serde_json::{Value, json};

use crate::samples;

#[test]
fn frames_of_an_unknown_type_are_read_as_unknown() {
    let frame = json!({ "type": "holograph", "depth": 3, "layers": [{ "a": 1 }] }).to_string();
    assert_eq!(serde_json::from_str::<ClientFrame>(&frame).unwrap(), ClientFrame::Unknown);
    assert_eq!(serde_json::from_str::<ServerFrame>(&frame).unwrap(), ServerFrame::Unknown);
    assert_eq!(serde_json::from_str::<Body>(&frame).unwrap(), Body::Unknown);
}

#[test]
fn a_frame_without_a_type_is_an_error_not_a_guess() {
    for bad in ["{}", "[]", "null", r#"{"type":7}"#, r#"{"type":"pull"}"#, "{\"type\":\"hello\""] {
        assert!(serde_json::from_str::<ClientFrame>(bad).is_err(), "{bad}");
    }
}

#[test]
fn unknown_fields_do_not_keep_a_message_from_being_read() {
    for sample in samples::all() {
        let Value::Object(mut fields) = sample.value else {
            continue;
        };
        fields.insert("of_a_later_version".into(), json!({ "deep": [1, 2, 3] }));
        // Types that keep such fields are not equal to the sample any more; they are read all the same.
        let keeps = sample.name.starts_with("type.device_info");
        let one_of = sample.name.starts_with("type.range");
        let read = (sample.reread)(&Value::Object(fields).to_string());
        assert!(read.is_ok() || keeps || one_of, "{}: {read:?}", sample.name);
    }
}

#[test]
fn an_envelope_is_passed_on_byte_for_byte() {
    let envelope = samples::signed().envelope.replacen('{', r#"{  "mood":"from 2031", "#, 1);
    let original = Signed { envelope: envelope.clone(), ..samples::signed() };
    assert_eq!(original.parse().unwrap(), samples::envelope(), "readable though it knows more than we do");

    // Up to the coordinator, into a page, and down to another reader.
    let up = serde_json::to_string(&ClientFrame::Send {
        to: landline_protocol::ConversationKind::Lobby,
        message: original,
    });
    let ClientFrame::Send { message, .. } = serde_json::from_str(&up.unwrap()).unwrap() else {
        panic!("another frame")
    };
    let down = serde_json::to_string(&Sequenced { message, ..samples::sequenced() }).unwrap();
    let arrived: Sequenced = serde_json::from_str(&down).unwrap();
    assert_eq!(arrived.message.envelope, envelope);
}

#[test]
fn the_body_of_a_later_version_survives_in_the_envelope() {
    let body = r#"{"type":"reaction","to":"x","emoji":"🎉"}"#;
    let envelope = serde_json::to_string(&samples::envelope())
        .unwrap()
        .replace(r#"{"type":"text","text":"hello"}"#, body);
    let signed = Signed { envelope, ..samples::signed() };
    assert_eq!(signed.parse().unwrap().body, Body::Unknown);
    assert!(signed.envelope.contains(body));
}

#[test]
fn what_is_said_about_a_device_keeps_fields_of_a_later_version() {
    let told =
        json!({ "device": "08".repeat(32), "name": "phone", "online": true, "battery": { "percent": 81 } });
    let info: DeviceInfo = serde_json::from_value(told.clone()).unwrap();
    assert_eq!(info.extra["battery"]["percent"], 81);
    assert_eq!(serde_json::to_value(&info).unwrap(), told);
}

#[test]
fn unknown_codes_and_verdicts_are_read_as_unknown() {
    let error: WireError =
        serde_json::from_str(r#"{"code":"moon_phase","message":"m","details":{"phase":3}}"#).unwrap();
    assert_eq!(error.code, ErrorCode::Unknown);
    assert_eq!(error.to_string(), "m");
    let answer = json!({ "offer": samples::envelope().id, "verdict": "maybe" });
    assert_eq!(serde_json::from_value::<Answer>(answer).unwrap().verdict, Verdict::Unknown);
}
