use super::*;

fn problems(body: &str, role: Role, minor: Option<u32>) -> Vec<Problem> {
    let text = format!("apiVersion: {API_VERSION}\nkind: {KIND}\n{body}");
    read(&text, "/c", role, minor).1
}

#[test]
fn misspelt_names_are_ignored_with_a_hint() {
    let found = problems(
        "cgroupdrivr: systemd\nswapBehavior: NoSwap\n",
        Role::Main,
        None,
    );
    assert_eq!(found[0].message, "unknown field \"cgroupdrivr\"");
    assert_eq!(found[0].nearest.as_deref(), Some("cgroupDriver"));
    assert_eq!(found[0].at.line, Some(3));
    assert!(!found[0].fatal);
    assert_eq!(found[1].nearest.as_deref(), Some("memorySwap.swapBehavior"));
}

#[test]
fn types_are_fatal() {
    let message = |body| problems(body, Role::Main, None).remove(0).message;
    assert_eq!(
        message("port: abc\n"),
        "json: cannot unmarshal string into Go struct field KubeletConfiguration.port of type int32"
    );
    assert_eq!(
        message("syncFrequency: 60\n"),
        "json: cannot unmarshal number into Go struct field KubeletConfiguration.syncFrequency of type string"
    );
    assert_eq!(
        message("syncFrequency: '60'\n"),
        "time: missing unit in duration \"60\""
    );
    assert_eq!(message("syncFrequency:\n"), "time: invalid duration \"\"");
    assert_eq!(
        message("authentication: {webhook: {enabled: 'true'}}\n"),
        "json: cannot unmarshal string into Go struct field KubeletWebhookAuthentication.authentication.webhook.enabled of type bool"
    );
    assert!(problems("port: 1.0\nfailSwapOn: off\nmaxPods:\n", Role::Main, None).is_empty());
}

#[test]
fn names_follow_the_version() {
    let found = problems("failCgroupV1: false\n", Role::Main, Some(30));
    assert_eq!(found[0].kind, "unknown-field");
    // The name is right; the kubelet is not.
    assert_eq!(found[0].nearest, None);
    assert!(problems("failCgroupV1: false\n", Role::Main, Some(31)).is_empty());
}

#[test]
fn drop_ins_do_not_mind_case_and_do_mind_doubles() {
    assert_eq!(
        problems("cgroupdriver: systemd\n", Role::DropIn, None)[0].kind,
        "wrong-case"
    );
    let twice = problems("port: 1\nport: 2\n", Role::DropIn, None);
    assert!(twice[0].fatal);
    assert!(!problems("port: 1\nport: 2\n", Role::Main, None)[0].fatal);
}

#[test]
fn heads() {
    let kind = |text: &str| read(text, "/c", Role::Main, None).1.remove(0);
    assert_eq!(kind("").kind, "empty-file");
    assert_eq!(
        kind("# only a comment\n").message,
        "Object 'Kind' is missing"
    );
    assert!(kind("apiVersion: kubelet.config.k8s.io/v1alpha9\nkind: KubeletConfiguration\n").message.starts_with("no kind \"KubeletConfiguration\" is registered for version \"kubelet.config.k8s.io/v1alpha9\""));
    assert_eq!(
        kind("a:\n\tb: 1\n").message,
        "yaml: line 2: found a tab character that violates indentation"
    );
}
