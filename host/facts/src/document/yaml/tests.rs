use super::*;
use serde_json::json;

fn read(text: &str) -> serde_json::Value {
    parse(text).unwrap().root.to_json()
}

#[test]
fn places_are_those_of_the_value() {
    let document = parse("kind: K\nmemorySwap:\n  swapBehavior: 'NoSwap'\n").unwrap();
    let node = document.root.at("/memorySwap/swapBehavior").unwrap();
    assert_eq!((node.line, node.column), (3, 17));
    let entry = document.root.entry("memorySwap").unwrap();
    assert_eq!((entry.line, entry.column), (2, 1));
}

#[test]
fn only_the_first_document_is_read() {
    assert_eq!(read("a: 1\n---\na: 2\n"), json!({"a": 1}));
    assert_eq!(read("---\na: 1\n...\n%%% [\n"), json!({"a": 1}));
    assert_eq!(read("[Service]\nType=notify\n"), json!(["Service"]));
    assert_eq!(read(""), json!(null));
    assert_eq!(read("# nothing\n"), json!(null));
    assert_eq!(read("\u{feff}a: 1\n"), json!({"a": 1}));
}

#[test]
fn keys_become_text_and_the_last_wins() {
    assert_eq!(read("1: a\nyes: b\n"), json!({"1": "a", "true": "b"}));
    let document = parse("x:\n- a: 1\n  b: 2\n  a: 3\n").unwrap();
    assert_eq!(document.root.to_json(), json!({"x": [{"a": 3, "b": 2}]}));
    assert_eq!(
        document.duplicates,
        [Duplicate {
            pointer: "/x/0/a".to_owned(),
            line: 4,
            column: 3
        }]
    );
    assert!(parse("~: 1\n").is_err());
    assert!(parse("? [a]\n: 1\n").is_err());
}

#[test]
fn quotes_make_text() {
    assert_eq!(
        read("a: \"yes\"\nb: '5'\nc: |\n  on\n"),
        json!({"a": "yes", "b": "5", "c": "on\n"})
    );
    assert_eq!(
        read("a: !!str 5\nb: !!int '5'\n"),
        json!({"a": "5", "b": 5})
    );
}

#[test]
fn merge_keys_apply_where_they_stand() {
    let text =
        "base: &base {a: 1, b: 2}\nafter:\n  b: 3\n  <<: *base\nbefore:\n  <<: *base\n  b: 3\n";
    assert_eq!(
        read(text),
        json!({"base": {"a": 1, "b": 2}, "after": {"b": 2, "a": 1}, "before": {"a": 1, "b": 3}})
    );
    assert_eq!(read("a: {<<: [{x: 1}, {x: 2}]}\n"), json!({"a": {"x": 1}}));
    assert!(parse("a: {<<: 5}\n").is_err());
    assert_eq!(read("a: {'<<': 5}\n"), json!({"a": {"<<": 5}}));
}

#[test]
fn aliases_are_bounded() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let below = format!("*a{}, ", level - 1).repeat(9);
        text.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    assert_eq!(
        parse(&text).unwrap_err().message,
        "document contains excessive aliasing"
    );
    assert!(parse("a: &a [*a]\n").is_err());
    assert_eq!(
        read("a: &a {b: 1}\nc: *a\n"),
        json!({"a": {"b": 1}, "c": {"b": 1}})
    );
}

#[test]
fn depth_is_bounded() {
    assert!(parse(&"[".repeat(100_000)).is_err());
    assert!(parse(&"- ".repeat(10_000)).is_err());
    assert!(parse(&format!("{}1{}", "[".repeat(120), "]".repeat(120))).is_ok());
}

#[test]
fn faults_are_told_as_go_yaml_tells_them() {
    let tab = parse("a: 1\nb:\n\tc: 2\n").unwrap_err();
    assert_eq!(
        tab.message,
        "found a tab character that violates indentation"
    );
    assert_eq!(tab.line, 3);
    assert!(parse("a: b: c\n").is_err());
    assert!(parse("a: [1\n").is_err());
    assert!(parse("a: @x\n").is_err());
    assert!(parse("%YAML 1.2\n---\na: 1\n").is_err());
    assert!(parse("a: .inf\n").is_err());
    let zeros = parse("a: 1\nb: 2\0\0\0").unwrap_err();
    assert_eq!((zeros.line, zeros.column), (2, 5));
    assert_eq!(zeros.message, "control characters are not allowed");
}
