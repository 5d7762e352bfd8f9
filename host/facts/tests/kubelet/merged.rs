//! What drop-ins, defaults and flags come to together.

use nodepol_facts::kubelet::{Kubelet, SettingValue};
use nodepol_model::Horizon;
use serde_json::{Value as Json, json};

use crate::node::kubelet;

const HEAD: &str = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
const AT: Horizon = Horizon::NextBoot;

fn merged(main: &str, drop_ins: &[&str], flags: &str) -> Kubelet {
    let mut files = vec![("/k/c".to_owned(), format!("{HEAD}{main}"))];
    for (index, text) in drop_ins.iter().enumerate() {
        files.push((format!("/d/{index}.conf"), format!("{HEAD}{text}")));
    }
    files.push(("/d/README".to_owned(), String::new()));
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let start = format!("kubelet --config=/k/c --config-dir=/d{flags}");
    kubelet(&files, &start, "1.36")
}

fn setting(kubelet: &Kubelet, pointer: &str) -> SettingValue {
    kubelet
        .setting(AT, pointer)
        .expect("it is known")
        .expect("it is set")
}

fn value(kubelet: &Kubelet, pointer: &str) -> Option<Json> {
    let setting = kubelet.setting(AT, pointer).expect("it is known");
    setting.map(|setting| setting.value)
}

#[test]
fn an_empty_list_of_the_file_is_lost_where_drop_ins_are_merged() {
    let main = "enforceNodeAllocatable: []\n";
    let alone = kubelet(
        &[("/c", &format!("{HEAD}{main}"))],
        "kubelet --config=/c",
        "1.36",
    );
    assert_eq!(value(&alone, "/enforceNodeAllocatable"), Some(json!([])));
    let merged = merged(main, &[], "");
    let pods = setting(&merged, "/enforceNodeAllocatable");
    assert_eq!((pods.value, pods.is_default), (json!(["pods"]), true));
    assert_eq!(pods.overridden.len(), 1);
    assert_eq!(pods.overridden[0].value, "[]");
    assert_eq!(pods.overridden[0].origin.line, Some(3));
}

#[test]
fn a_key_of_another_case_counts_where_the_right_one_is_not_there() {
    // `omitempty` leaves the zero values of the base out, so that these stand alone.
    let kubelet = merged(
        "rotateCertificates: false\nprotectKernelDefaults: false\nmaxPods: 50\n",
        &[
            "RotateCertificates: true\nProtectKernelDefaults: true\nStaticPodPath: /pods\nMaxPods: 9\nmaxpods: 70\nFailSwapOn: false\nSyncFrequency: 5s\n",
        ],
        "",
    );
    let rotates = setting(&kubelet, "/rotateCertificates");
    assert_eq!(rotates.value, json!(true));
    assert_eq!(rotates.origin.source, "/d/0.conf");
    assert_eq!(
        rotates.origin.pointer.as_deref(),
        Some("/RotateCertificates")
    );
    assert_eq!(rotates.overridden[0].value, "false");
    assert_eq!(value(&kubelet, "/protectKernelDefaults"), Some(json!(true)));
    assert_eq!(value(&kubelet, "/staticPodPath"), Some(json!("/pods")));
    // Of several the last one counts, as they sort.
    assert_eq!(value(&kubelet, "/maxPods"), Some(json!(70)));
    // Pointers and structs are in the base with their defaults.
    assert_eq!(value(&kubelet, "/failSwapOn"), Some(json!(true)));
    assert_eq!(value(&kubelet, "/syncFrequency"), Some(json!("1m0s")));
    let problems = kubelet.config_problems(AT).expect("all is read");
    let ignored: Vec<_> = problems
        .iter()
        .filter(|problem| problem.message.contains(" is ignored: "))
        .map(|problem| problem.at.pointer.as_deref().unwrap_or_default())
        .collect();
    assert_eq!(ignored, ["/MaxPods", "/FailSwapOn", "/SyncFrequency"]);
    assert!(problems.iter().all(|problem| problem.kind == "wrong-case"));
}

#[test]
fn structs_and_maps_of_another_case_are_merged_key_by_key() {
    let kubelet = merged(
        "featureGates: {B: true}\n",
        &[
            "FeatureGates: {A: true, B: false}\nAuthentication: {anonymous: {enabled: true}, x509: {clientCAFile: /ca}}\n",
            "KubeReserved: {cpu: 1m}\n",
            "kubeReserved: {memory: 1Gi}\n",
        ],
        "",
    );
    assert_eq!(
        value(&kubelet, "/featureGates"),
        Some(json!({ "A": true, "B": true }))
    );
    // The base has the first, by default, and not the second.
    assert_eq!(
        value(&kubelet, "/authentication/anonymous/enabled"),
        Some(json!(false))
    );
    assert_eq!(
        value(&kubelet, "/authentication/x509/clientCAFile"),
        Some(json!("/ca"))
    );
    assert_eq!(
        value(&kubelet, "/kubeReserved"),
        Some(json!({ "cpu": "1m", "memory": "1Gi" }))
    );
}

#[test]
fn a_value_of_the_wrong_type_is_fatal_under_a_key_of_another_case() {
    let kubelet = merged("", &["MaxPods: many\n"], "");
    let problems = kubelet.config_problems(AT).expect("all is read");
    assert!(problems.iter().any(|problem| problem.fatal));
}

#[test]
fn what_a_file_states_and_no_default_replaces_is_the_files() {
    let main = "readOnlyPort: 0\nrotateCertificates: false\nshutdownGracePeriod: 0s\nstaticPodPath: ''\nport: 0\n";
    let alone = kubelet(
        &[("/k/c", &format!("{HEAD}{main}"))],
        "kubelet --config=/k/c",
        "1.36",
    );
    for kubelet in [alone, merged(main, &[], "")] {
        for (line, pointer) in [
            (3, "/readOnlyPort"),
            (4, "/rotateCertificates"),
            (5, "/shutdownGracePeriod"),
            (6, "/staticPodPath"),
        ] {
            let setting = setting(&kubelet, pointer);
            assert!(!setting.is_default, "{pointer}");
            assert_eq!(setting.origin.source, "/k/c", "{pointer}");
            assert_eq!(setting.origin.line, Some(line), "{pointer}");
            assert!(setting.overridden.is_empty(), "{pointer}");
        }
        let port = setting(&kubelet, "/port");
        assert_eq!((port.value, port.is_default), (json!(10250), true));
        assert_eq!(port.overridden[0].value, "0");
    }
}

#[test]
fn no_default_overrides_a_default() {
    let kubelet = merged("", &["maxPods: 5\n"], "");
    let settings = kubelet.summary().settings.expect("all is known");
    let told: Vec<_> = settings
        .iter()
        .filter(|(_, setting)| !setting.overridden.is_empty())
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(told, Vec::<&str>::new());
    // Nothing was said before the drop-in.
    assert!(setting(&kubelet, "/maxPods").overridden.is_empty());
}

#[test]
fn a_zero_whose_default_hangs_on_an_unknown_release_is_not_known() {
    let main = format!("{HEAD}eventBurst: 0\n");
    let kubelet = kubelet(&[("/c", &main)], "kubelet --config=/c", "");
    assert!(kubelet.setting(AT, "/eventBurst").is_err());
}

#[test]
fn relative_paths_start_beside_the_file() {
    let kubelet = merged("podLogsDir: logs\nstaticPodPath: ../pods\n", &[], "");
    assert_eq!(value(&kubelet, "/podLogsDir"), Some(json!("/k/logs")));
    assert_eq!(value(&kubelet, "/staticPodPath"), Some(json!("/pods")));
}

#[test]
fn flags_of_a_form_of_their_own_are_applied() {
    let main = "registerWithTaints: [{key: a, effect: NoSchedule}]\n\
                reservedMemory: [{numaNode: 0, limits: {memory: 1Gi}}]\n\
                staticPodURLHeader: {Old: [x]}\n\
                logging: {vmodule: [{filePattern: a, verbosity: 1}]}\n\
                cpuManagerPolicyOptions: {strict-cpu-reservation: 'true'}\n\
                address: 127.0.0.1\n";
    let kubelet = merged(
        main,
        &[],
        " --register-with-taints=b=:NoExecute --reserved-memory 0:memory=2Gi \
         --manifest-url-header=A:b --vmodule=b=2 --address= \
         --cpu-manager-policy-options=full-pcpus-only=true,distribute-cpus-across-numa=true",
    );
    assert_eq!(
        value(&kubelet, "/registerWithTaints"),
        Some(json!([{ "key": "b", "effect": "NoExecute" }]))
    );
    assert_eq!(
        value(&kubelet, "/reservedMemory"),
        Some(json!([{ "numaNode": 0, "limits": { "memory": "2Gi" } }]))
    );
    assert_eq!(
        value(&kubelet, "/staticPodURLHeader"),
        Some(json!({ "A": ["b"] }))
    );
    assert_eq!(
        value(&kubelet, "/logging/vmodule"),
        Some(json!([
            { "filePattern": "a", "verbosity": 1 },
            { "filePattern": "b", "verbosity": 2 },
        ]))
    );
    assert_eq!(
        value(&kubelet, "/cpuManagerPolicyOptions"),
        Some(json!({ "full-pcpus-only": "true,distribute-cpus-across-numa=true" }))
    );
    let address = setting(&kubelet, "/address");
    assert_eq!(address.origin.source, "/k/c");
    let overrides = kubelet.flag_overrides(AT).expect("all is known");
    let flags: Vec<_> = overrides.iter().map(|found| found.flag.as_str()).collect();
    assert!(flags.contains(&"register-with-taints"));
    assert!(flags.contains(&"reserved-memory"));
    assert!(!flags.contains(&"vmodule"));
}

#[test]
fn a_flag_that_says_the_same_duration_in_other_words_hides_nothing() {
    let kubelet = merged(
        "syncFrequency: 1m\nfileCheckFrequency: 20s\n",
        &[],
        " --sync-frequency=60s --file-check-frequency=21s",
    );
    let overrides = kubelet.flag_overrides(AT).expect("all is known");
    let flags: Vec<_> = overrides.iter().map(|found| found.flag.as_str()).collect();
    assert_eq!(flags, ["file-check-frequency"]);
}
