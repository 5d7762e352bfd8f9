//! The options of dockerd, as `daemon.json` and the command line name them
//! (cmd/dockerd/config*.go and daemon/config of moby, 17.04 to 29.7).

use crate::document::{Node, Value};

/// What a value of `daemon.json` is decoded into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Truth,
    Integer,
    Texts,
    /// An object of texts, as the options of a log driver.
    TextMap,
    TruthMap,
    Objects,
    ObjectMap,
    /// Not the same in every release, or one that is not told here.
    Any,
}

use Type::{Any, Integer, ObjectMap, Objects, Text, TextMap, Texts, Truth, TruthMap};

/// Every name that some release takes in the file, with its type. The names of
/// flags that have another name in the file are taken as well, without effect.
const NAMES: [(&str, Type); 116] = [
    ("add-registry", Any), // The builds of Red Hat, as block-registry.
    ("allow-direct-routing", Truth),
    ("allow-nondistributable-artifacts", Any),
    ("api-cors-header", Text),
    ("api-enable-cors", Truth),
    ("authorization-plugins", Texts),
    ("bip", Text),
    ("bip6", Text),
    ("block-registry", Any),
    ("bridge", Text),
    ("bridge-accept-fwmark", Text),
    ("builder", Any),
    ("cdi-spec-dirs", Texts),
    ("cgroup-parent", Text),
    ("cluster-advertise", Text),
    ("cluster-store", Text),
    ("cluster-store-opts", TextMap),
    ("config-file", Any),
    ("containerd", Text),
    ("containerd-namespace", Text),
    ("containerd-plugin-namespace", Any),
    ("containerd-plugins-namespace", Any),
    ("cpu-rt-period", Integer),
    ("cpu-rt-runtime", Integer),
    ("cri-containerd", Truth),
    ("data-root", Text),
    ("debug", Truth),
    ("default-address-pools", Objects),
    ("default-cgroupns-mode", Text),
    ("default-gateway", Text),
    ("default-gateway-v6", Text),
    ("default-init", Any),
    ("default-ipc-mode", Text),
    ("default-network-opts", Any),
    ("default-runtime", Text),
    ("default-shm-size", Text),
    ("default-stop-timeout", Integer),
    ("default-ulimits", ObjectMap),
    ("deprecated-key-path", Text),
    ("disable-legacy-registry", Any),
    ("dns", Texts),
    ("dns-opts", Texts),
    ("dns-search", Texts),
    ("enable-secrets", Any),
    ("exec-opts", Texts),
    ("exec-root", Text),
    ("experimental", Truth),
    ("features", TruthMap),
    ("firewall-backend", Text),
    ("fixed-cidr", Text),
    ("fixed-cidr-v6", Text),
    ("graph", Text),
    ("group", Text),
    ("help", Any),
    ("host-gateway-ip", Text),
    ("host-gateway-ips", Texts),
    ("hosts", Texts),
    ("http-proxy", Text),
    ("https-proxy", Text),
    ("icc", Truth),
    ("identity", Any),
    ("init", Truth),
    ("init-path", Text),
    ("insecure-registries", Texts),
    ("ip", Text),
    ("ip-forward", Truth),
    ("ip-forward-no-drop", Truth),
    ("ip-masq", Truth),
    ("ip6tables", Truth),
    ("iptables", Truth),
    ("ipv6", Truth),
    ("labels", Texts),
    ("live-restore", Truth),
    ("log-driver", Text),
    ("log-format", Text),
    ("log-level", Text),
    ("log-opts", TextMap),
    ("max-concurrent-downloads", Integer),
    ("max-concurrent-uploads", Integer),
    ("max-download-attempts", Integer),
    ("metrics-addr", Text),
    ("min-api-version", Text),
    ("mtu", Integer),
    ("network-control-plane-mtu", Integer),
    ("network-diagnostic-port", Integer),
    ("no-new-privileges", Truth),
    ("no-proxy", Text),
    ("node-generic-resources", Any),
    ("nri-opts", Any),
    ("oom-score-adjust", Integer),
    ("pidfile", Text),
    ("proxies", Any),
    ("raw-logs", Truth),
    ("registry-mirrors", Texts),
    ("resolv-conf", Any),
    ("restart", Any),
    ("rootless", Truth),
    ("runtimes", ObjectMap),
    ("seccomp-profile", Text),
    ("selinux-enabled", Truth),
    ("shutdown-timeout", Integer),
    ("signature-verification", Any),
    ("storage-driver", Text),
    ("storage-opts", Texts),
    ("swarm-default-advertise-addr", Text),
    ("swarm-raft-election-tick", Any),
    ("swarm-raft-heartbeat-tick", Any),
    ("tls", Truth),
    ("tlscacert", Text),
    ("tlscert", Text),
    ("tlskey", Text),
    ("tlsverify", Truth),
    ("userland-proxy", Truth),
    ("userland-proxy-path", Text),
    ("userns-remap", Text),
    ("validate", Any),
];

/// Flags whose option has another name in the file (`NamedOption`).
const NAMED: [(&str, &str); 19] = [
    ("add-runtime", "runtimes"),
    ("authorization-plugin", "authorization-plugins"),
    ("cdi-spec-dir", "cdi-spec-dirs"),
    ("cluster-store-opt", "cluster-store-opts"),
    ("default-address-pool", "default-address-pools"),
    ("default-network-opt", "default-network-opts"),
    ("default-ulimit", "default-ulimits"),
    ("dns-opt", "dns-opts"),
    ("exec-opt", "exec-opts"),
    ("feature", "features"),
    ("host", "hosts"),
    ("host-gateway-ip", "host-gateway-ips"),
    ("insecure-registry", "insecure-registries"),
    ("label", "labels"),
    ("log-opt", "log-opts"),
    ("node-generic-resource", "node-generic-resources"),
    ("registry-mirror", "registry-mirrors"),
    ("storage-opt", "storage-opts"),
    ("version", "version"),
];
const SHORT: [(char, &str); 9] = [
    ('D', "debug"),
    ('G', "group"),
    ('H', "host"),
    ('b', "bridge"),
    ('g', "graph"),
    ('l', "log-level"),
    ('p', "pidfile"),
    ('r', "restart"),
    ('s', "storage-driver"),
];
/// Objects that are one option; of any other object the keys are options
/// (`flatOptions`).
const FLAT: [&str; 8] = [
    "builder",
    "cluster-store-opts",
    "default-network-opts",
    "default-ulimits",
    "features",
    "log-opts",
    "nri-opts",
    "runtimes",
];

/// Whether an object is one option.
pub(super) fn is_flat(name: &str) -> bool {
    FLAT.contains(&name)
}

/// Whether a release takes this name in the file: names are compared with their
/// case.
pub(super) fn is_known(name: &str) -> bool {
    type_of(name).is_some() || NAMED.iter().any(|(flag, _)| *flag == name)
}

fn type_of(name: &str) -> Option<Type> {
    NAMES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, of)| *of)
}

/// The known name that differs in its case or is a few letters away.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase().replace('_', "-");
    let mut known = NAMES.iter().map(|(known, _)| *known);
    known.find(|known| {
        *known == lower || format!("{lower}s") == *known || lower == format!("{known}s")
    })
}

/// The names in the file that a word of the command line sets; none if it is
/// no flag, or one that may stand in both (`skipDuplicates`).
pub(super) fn set_by(word: &str) -> Option<&'static str> {
    let name = match word.strip_prefix("--") {
        Some(long) => long.split('=').next()?,
        None => {
            let letter = word.strip_prefix('-')?.chars().next()?;
            SHORT.iter().find(|(short, _)| *short == letter)?.1
        }
    };
    let named = NAMED.iter().find(|(flag, _)| *flag == name);
    let found = match named {
        Some((_, named)) => *named,
        None => NAMES.iter().find(|(known, _)| *known == name)?.0,
    };
    (found != "runtimes").then_some(found)
}

/// What a value must be, if it is not that: Go's `encoding/json` refuses it.
pub(super) fn mistyped(name: &str, value: &Node) -> Option<&'static str> {
    let of = type_of(name)?;
    // null leaves the default.
    if value.value == Value::Null {
        return None;
    }
    let null_or =
        |test: fn(&Node) -> bool| move |item: &Node| item.value == Value::Null || test(item);
    let is_text = null_or(|item| item.as_str().is_some());
    let is_truth = null_or(|item| item.as_bool().is_some());
    let is_object = null_or(|item| matches!(item.value, Value::Object(_)));
    let all = |entries: &dyn Fn(&Node) -> bool| match &value.value {
        Value::Object(found) => found.iter().all(|entry| entries(&entry.value)),
        _ => false,
    };
    let every = |items: &dyn Fn(&Node) -> bool| match &value.value {
        Value::Array(found) => found.iter().all(items),
        _ => false,
    };
    let (fits, wanted) = match of {
        Any => (true, ""),
        Text => (is_text(value), "a string"),
        Truth => (is_truth(value), "true or false"),
        Integer => (
            matches!(value.value, Value::Integer(_)),
            "an integer without quotes",
        ),
        Texts => (every(&is_text), "a list of strings"),
        TextMap => (all(&is_text), "an object of strings"),
        TruthMap => (all(&is_truth), "an object of true and false"),
        Objects => (every(&is_object), "a list of objects"),
        ObjectMap => (all(&is_object), "an object of objects"),
    };
    (!fits).then_some(wanted)
}
