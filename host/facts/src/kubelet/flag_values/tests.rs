use nodepol_model::Location;

use super::*;

fn wrong(kind: FlagKind, value: &str) -> Option<String> {
    check(kind, value, &[]).err()
}

fn field_of(kind: FlagKind, values: &[&str]) -> Option<Json> {
    let values: Vec<_> = values
        .iter()
        .map(|value| Sourced::new((*value).to_owned(), Location::source("unit")))
        .collect();
    field(kind, &values)
}

#[test]
fn numbers_are_those_of_go() {
    for (text, number) in [
        ("5", 5),
        ("-5", -5),
        ("+5", 5),
        ("0x10", 16),
        ("0X1f", 31),
        ("010", 8),
        ("0o10", 8),
        ("0b11", 3),
        ("0", 0),
        ("00", 0),
        ("1_000", 1000),
        ("0x_10", 16),
        ("2147483647", i64::from(i32::MAX)),
        ("-2147483648", i64::from(i32::MIN)),
    ] {
        assert_eq!(numbers::int(text, 32), Ok(number), "{text}");
    }
    for text in [
        "", "-", "5.0", "many", "1e3", "0x", "08", "_1", "1_", "1__0", "0_x1", " 5", "5 ", "0b2",
    ] {
        assert_eq!(
            numbers::int(text, 32),
            Err(format!(
                "strconv.ParseInt: parsing {text:?}: invalid syntax"
            ))
        );
    }
    for text in ["9999999999", "2147483648", "-2147483649"] {
        assert_eq!(
            wrong(FlagKind::Int32, text),
            Some(format!(
                "strconv.ParseInt: parsing {text:?}: value out of range"
            ))
        );
        assert_eq!(wrong(FlagKind::Int64, text), None);
    }
    assert!(numbers::int("9223372036854775808", 64).is_err());
    assert!(numbers::int(&"9".repeat(99), 64).is_err());
}

#[test]
fn a_verbosity_is_decimal_and_not_negative() {
    assert_eq!(numbers::verbosity("5"), Ok(5));
    assert_eq!(numbers::verbosity("2147483647"), Ok(2_147_483_647));
    for (text, why) in [
        ("0x5", "invalid syntax"),
        ("-1", "invalid syntax"),
        ("+1", "invalid syntax"),
        ("", "invalid syntax"),
        ("2147483648", "value out of range"),
        ("99999999999999999999", "value out of range"),
    ] {
        assert_eq!(
            wrong(FlagKind::Verbosity, text),
            Some(format!("strconv.ParseUint: parsing {text:?}: {why}"))
        );
    }
}

#[test]
fn addresses() {
    for text in [
        "0.0.0.0",
        "010.0.0.001",
        "::",
        "fe80::1",
        "::ffff:1.2.3.4",
        "::ffff:01.2.3.4",
        "",
    ] {
        assert_eq!(wrong(FlagKind::Ip, text), None, "{text}");
    }
    for text in [
        "foo",
        "1.2.3",
        "1.2.3.4.5",
        "256.1.1.1",
        "1.2.3.4:80",
        "::g",
        "fe80::1%eth0",
    ] {
        assert_eq!(
            wrong(FlagKind::Ip, text),
            Some(format!("{text:?} is not a valid IP address"))
        );
    }
    // An empty one leaves the file's.
    assert_eq!(field_of(FlagKind::Ip, &[""]), None);
    assert_eq!(field_of(FlagKind::Ip, &["::1"]), Some(json!("::1")));
    let empty = Sourced::new(String::new(), Location::source("unit"));
    assert!(check(FlagKind::Ip, "::1", &[empty]).is_err());
}

#[test]
fn lists_are_csv() {
    assert_eq!(
        field_of(FlagKind::Texts, &["a,,b", "\"c,\"\"d\",e"]),
        Some(json!(["a", "", "b", "c,\"d", "e"]))
    );
    assert_eq!(field_of(FlagKind::Texts, &[""]), Some(json!([])));
    assert_eq!(
        wrong(FlagKind::Texts, "a\"b").as_deref(),
        Some("parse error on line 1, column 2: bare \" in non-quoted-field")
    );
    assert!(wrong(FlagKind::Texts, "\"a").is_some());
    assert!(wrong(FlagKind::Texts, "\"a\"b").is_some());
}

#[test]
fn the_options_of_the_cpu_manager_are_one_a_flag() {
    assert_eq!(
        field_of(FlagKind::OneEntry, &["a=b,c=d", "e=f"]),
        Some(json!({ "a": "b,c=d", "e": "f" }))
    );
    assert_eq!(
        wrong(FlagKind::OneEntry, "").as_deref(),
        Some("malformed pair, expect string=string")
    );
    assert_eq!(
        field_of(FlagKind::Map, &["a=b,c=d"]),
        Some(json!({ "a": "b", "c": "d" }))
    );
    assert_eq!(wrong(FlagKind::Map, ""), None);
}

#[test]
fn taints_replace_each_other() {
    assert_eq!(
        field_of(
            FlagKind::Taints,
            &[
                "a=b:NoSchedule",
                "x.io/c:NoExecute,d=:PreferNoSchedule,e:NoSchedule-"
            ]
        ),
        Some(json!([
            { "key": "x.io/c", "effect": "NoExecute" },
            { "key": "d", "effect": "PreferNoSchedule" },
        ]))
    );
    assert_eq!(field_of(FlagKind::Taints, &[""]), Some(json!([])));
    for (text, why) in [
        ("a", "invalid taint spec: a"),
        ("a=b", "invalid taint spec: a=b, name part must consist"),
        ("a=b=c:NoExecute", "invalid taint spec: a=b=c:NoExecute"),
        ("a:b:NoExecute", "invalid taint spec: a:b:NoExecute"),
        (
            "a:Never",
            "invalid taint effect: Never, unsupported taint effect",
        ),
        (":NoExecute", "invalid taint spec: :NoExecute, name part"),
        (
            "X/a:NoExecute",
            "invalid taint spec: X/a:NoExecute, name part",
        ),
        (
            "a=-:NoExecute",
            "invalid taint spec: a=-:NoExecute, a valid label",
        ),
        (
            "a:NoExecute,a=b:NoExecute",
            "duplicated taints with the same key and effect: {a b NoExecute <nil>}",
        ),
        ("a:NoExecute,", "invalid taint spec: , name part"),
    ] {
        let found = wrong(FlagKind::Taints, text).unwrap_or_default();
        assert!(found.starts_with(why), "{text}: {found}");
    }
}

#[test]
fn reserved_memory_adds_up() {
    assert_eq!(
        field_of(
            FlagKind::ReservedMemory,
            &[
                "0:memory=1Gi,hugepages-1Gi=2Gi;1:memory=2Gi",
                "2:memory=1e3"
            ]
        ),
        Some(json!([
            { "numaNode": 0, "limits": { "memory": "1Gi", "hugepages-1Gi": "2Gi" } },
            { "numaNode": 1, "limits": { "memory": "2Gi" } },
            { "numaNode": 2, "limits": { "memory": "1e3" } },
        ]))
    );
    assert_eq!(field_of(FlagKind::ReservedMemory, &[""]), None);
    for (text, why) in [
        ("x", "the reserved memory has incorrect format"),
        ("0:memory=1Gi:2", "the reserved memory has incorrect format"),
        ("a:memory=1Gi", "failed to convert the NUMA node ID"),
        ("0x1:memory=1Gi", "failed to convert the NUMA node ID"),
        ("0:memory", "the reserved limit has incorrect value"),
        ("0:", "the reserved limit has incorrect value"),
        (
            "0:cpu=1",
            "memory type conversion error, unknown type: \"cpu\"",
        ),
        ("0:memory=1gi", "failed to parse the quantity: 1gi"),
        ("0:memory=", "failed to parse the quantity: "),
    ] {
        let found = wrong(FlagKind::ReservedMemory, text).unwrap_or_default();
        assert!(found.starts_with(why), "{text}: {found}");
    }
}

#[test]
fn quantities() {
    for text in [
        "0", "1Gi", "1.5k", ".5", "5.", "-1", "+1E3", "1e-3", "1E", "100m",
    ] {
        assert_eq!(wrong(FlagKind::Quantity, text), None, "{text}");
    }
    for text in ["", "Gi", "1 Gi", "1gi", "1KiB", "1e", "1Ki3", "."] {
        assert!(wrong(FlagKind::Quantity, text).is_some(), "{text}");
    }
}

#[test]
fn headers_are_appended_and_may_be_hidden() {
    assert_eq!(
        field_of(FlagKind::Headers, &["a:hello,b:again", "b: beautiful"]),
        Some(json!({ "a": ["hello"], "b": ["again", "beautiful"] }))
    );
    assert_eq!(
        wrong(FlagKind::Headers, "x").as_deref(),
        Some("malformed pair, expect string:string")
    );
    // What is a secret was taken away before.
    assert_eq!(wrong(FlagKind::Headers, "nodepol-redacted"), None);
    assert_eq!(
        field_of(FlagKind::Headers, &["nodepol-redacted"]),
        Some(json!("nodepol-redacted"))
    );
}

#[test]
fn modules_have_a_verbosity_each() {
    assert_eq!(
        field_of(FlagKind::VModule, &["kubelet*=4,", "pod=5"]),
        Some(json!([
            { "filePattern": "kubelet*", "verbosity": 4 },
            { "filePattern": "pod", "verbosity": 5 },
        ]))
    );
    for text in ["a", "a=", "=1", "a=b=1", "a=-1", "a=0x1"] {
        assert!(wrong(FlagKind::VModule, text).is_some(), "{text}");
    }
}

#[test]
fn booleans() {
    assert_eq!(
        wrong(FlagKind::Bool, "no").as_deref(),
        Some("strconv.ParseBool: parsing \"no\": invalid syntax")
    );
    assert_eq!(wrong(FlagKind::Version, "raw"), None);
    assert!(wrong(FlagKind::Bool, "raw").is_some());
    assert_eq!(
        wrong(FlagKind::BoolMap, "A=1,B").as_deref(),
        Some("malformed pair, expect string=bool")
    );
    assert_eq!(
        wrong(FlagKind::BoolMap, "A=on").as_deref(),
        Some("invalid value of A: on, err: strconv.ParseBool: parsing \"on\": invalid syntax")
    );
}
