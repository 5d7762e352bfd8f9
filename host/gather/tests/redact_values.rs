//! Secrets that are known by a name or a shape are taken out, and nothing else.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests end by panicking"
)]

use nodepol_gather::redact::{json, text};
use serde_json::json as value;

/// Appears in no text after redaction.
const CANARY: &str = "c4naryS3cretValue9x";

fn hidden(input: &str) {
    let input = input.replace("CANARY", CANARY);
    let output = text(&input).into_owned();
    assert!(!output.contains(CANARY), "{output}");
    assert!(output.contains("nodepol-redacted"), "{output}");
    assert_eq!(
        output.matches('\n').count(),
        input.matches('\n').count(),
        "{output}"
    );
    assert_eq!(text(&output), output, "twice is once");
}

fn kept(input: &str) {
    assert_eq!(text(input), input);
}

#[test]
fn named_values_are_hidden() {
    for input in [
        "token: CANARY\n",
        "    token: CANARY # of the node\n",
        "- password: \"CANARY with blanks\"\n",
        "password: 'it''s CANARY'\n",
        "password: two words CANARY\n",
        "{\"auths\": {\"https://r.example\": {\"auth\": \"CANARY\"}}}\n",
        "{\"auth\":\"CANARY\",\"identitytoken\":\"CANARY\"}",
        "x: {token: CANARY, y: 1}\n",
        "[plugins.cri.registry.configs.\"r\".auth]\n  username = \"u\"\n  password = \"CANARY\"\n",
        "identitytoken = 'CANARY'\n",
        "secret = \"\"\"\nCANARY\n\"\"\"\n",
        "API_KEY=CANARY\n",
        "export REGISTRY_PASSWORD='CANARY'\n",
        "Environment=\"DB_PASSWORD=CANARY and more\" FOO=bar\n",
        "Environment=A=b TOKEN=CANARY FOO=bar\n",
        "KUBELET_EXTRA_ARGS=\"--bootstrap-token=CANARY --v=2\"\n",
        "ExecStart=/usr/bin/x --password CANARY --v=2\n",
        "ExecStart=/usr/bin/x \"--password=CANARY b\" --v=2\n",
        "kubeadm join 10.0.0.1:6443 --token CANARY --discovery-token-ca-cert-hash sha256:00\n",
        "args:\n- --token\n- CANARY\n- --v=2\n",
        "\"args\": [\n  \"--client-secret\",\n  \"CANARY\"\n]\n",
        "[\"--client-secret\", \"CANARY\"]\n",
        "token: |\n  CANARY\n  more CANARY\nnext: 1\n",
        "token: >-\n  CANARY\nnext: 1\n",
        "token:\n  CANARY\nnext: 1\n",
        "tokens:\n- CANARY\n- b\nnext: 1\n",
        "tokens: [CANARY, other]\n",
        "env:\n- name: DB_PASSWORD\n  value: CANARY\n",
        "{\"env\": [{\"name\": \"DB_PASSWORD\", \"value\": \"CANARY\"}]}",
        "//srv/x /mnt cifs user=a,password=CANARY,nofail 0 0\n",
        "apiVersion: v1\nkind: Secret\ndata:\n  anything: CANARY\nmetadata:\n  name: x\n",
        "---\napiVersion: v1\ndata:\n  anything: CANARY\nkind: Secret\n---\nkind: Pod\n",
        "apiVersion: v1\nkind: Secret\nstringData:\n  file: |\n    line CANARY\n    more\n",
        "{\"kind\":\"Secret\",\"data\":{\"a\":\"CANARY\",\"b\":\"CANARY\"},\"type\":\"Opaque\"}",
        "{\n \"kind\": \"Secret\",\n \"data\": {\n  \"a\": \"CANARY\"\n }\n}\n",
        "resources:\n- providers:\n  - aescbc:\n      keys:\n      - name: k1\n        secret: CANARY\n",
        "staticPodURLHeader:\n  X-Custom:\n  - CANARY\n",
        "--manifest-url-header=a:CANARY",
        "SetCredential=db:CANARY\n",
        "systemd.set_credential=db:CANARY quiet\n",
        "certificateKey: CANARY\n",
        "{\\\"token\\\":\\\"CANARY\\\"}",
        "GET /x?access_token=CANARY&y=1\n",
        "kubelet\0--bootstrap-token\0CANARY\0--v=2\0",
        "kubelet\0--bootstrap-token=CANARY\0--v=2\0",
        "aadClientSecret: CANARY\n",
        "err token: CANARY\n",
        "wireguard\nPrivateKey = CANARY=\n",
    ] {
        hidden(input);
    }
}

#[test]
fn numbers_may_be_passwords_and_leave_json_whole() {
    let output = text("{\"password\": 123456, \"n\": 2}").into_owned();
    let parsed: serde_json::Value = serde_json::from_str(&output).expect("JSON");
    assert_eq!(parsed["password"], "nodepol-redacted");
    assert_eq!(parsed["n"], 2);
}

#[test]
fn what_stands_beside_a_secret_stays() {
    let output = text("KUBELET_EXTRA_ARGS=\"--token=abc123 --fail-swap-on=false\"\n").into_owned();
    assert_eq!(
        output,
        "KUBELET_EXTRA_ARGS=\"--token=nodepol-redacted --fail-swap-on=false\"\n"
    );
    let output =
        text("//s /m cifs user=a,password=x1,nofail,x-systemd.automount 0 0\n").into_owned();
    assert_eq!(
        output,
        "//s /m cifs user=a,password=nodepol-redacted,nofail,x-systemd.automount 0 0\n"
    );
    let output = text("token: x1 # why\ncgroupDriver: systemd\n").into_owned();
    assert_eq!(
        output,
        "token: nodepol-redacted # why\ncgroupDriver: systemd\n"
    );
    let output = text("ExecStart=/bin/k --token a1 \\\n  --v=2\n").into_owned();
    assert_eq!(
        output,
        "ExecStart=/bin/k --token nodepol-redacted \\\n  --v=2\n"
    );
}

#[test]
fn harmless_values_stay() {
    for input in [
        "authentication:\n  anonymous:\n    enabled: false\n  webhook:\n    cacheTTL: 0s\n    enabled: true\n  x509:\n    clientCAFile: /etc/kubernetes/pki/ca.crt\nauthorization:\n  mode: Webhook\n  webhook:\n    cacheAuthorizedTTL: 0s\n",
        "rotateCertificates: true\nserverTLSBootstrap: true\nfailSwapOn: false\n",
        "tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token\n",
        "    token: /var/run/secrets/kubernetes.io/serviceaccount/token\n",
        "imageCredentialProviderConfigFile: /etc/eks/image-credential-provider/config.json\n",
        "tokenAttributes:\n  serviceAccountTokenAudience: sts.example.com\n  cacheType: Token\n  requireServiceAccount: true\n",
        "--authentication-token-webhook=true --authorization-mode=Webhook --rotate-certificates\n",
        "--token-auth-file=/etc/kubernetes/tokens.csv --enable-bootstrap-token-auth=true\n",
        "KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf\n",
        "volumes:\n- name: x\n  secret:\n    secretName: admin\n    defaultMode: 420\n- name: y\n  projected:\n    sources:\n    - serviceAccountToken:\n        path: token\n        expirationSeconds: 3600\n",
        "imagePullSecrets:\n- name: regcred\nsecrets:\n- name: a\n",
        "users:\n- name: system:node:n1\n  user:\n    client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem\n    client-key: /var/lib/kubelet/pki/kubelet-client-current.pem\n",
        "{\"credsStore\": \"pass\", \"credHelpers\": {\"x\": \"ecr-login\"}, \"auths\": {}}",
        "[crio.image]\nglobal_auth_file = \"\"\nauth = \"\"\n",
        "password = \"\"\ntoken: null\nsecret: \"\"\n",
        "token: ${TOKEN}\nTOKEN=$OTHER\n",
        "UUID=0a1b2c3d-0000-4000-8000-0123456789ab / ext4 errors=remount-ro 0 1\n/swapfile none swap sw,pri=5 0 0\n",
        "LoadCredential=db:/etc/db.key\nPassEnvironment=HOME\n",
        "MountVolume.SetUp failed for volume \"kube-api-access-x2x\": failed to fetch token: pod \"a\" not found\n",
        "\"Unable to authenticate the request\" err=\"[invalid bearer token, Token has been invalidated]\"\n",
        "E1120 10:00:00.000000    1000 run.go:72] \"command failed\" err=\"failed to load kubelet config file, path: /var/lib/kubelet/config.yaml, error: no such file\"\n",
        "kind: ConfigMap\ndata:\n  Corefile: x\n",
        "kind: Pod\nspec:\n  containers:\n  - env:\n    - name: NODE_NAME\n      value: abc\n",
        "https://kubernetes.io/docs/ ssh://git@example.com/x http://user@host/ unix:///run/containerd/containerd.sock\n",
        "registry.k8s.io/pause:3.9 worker.example.com abcdef.kubernetesnodepool\n",
        "host worker.internalcluster1.example.com 10.0.0.1\n",
        "Basic networking is up. Bearer of good news.\n",
        "BOOT_IMAGE=/boot/vmlinuz-6.1.0 root=UUID=0a1b2c3d ro quiet systemd.unified_cgroup_hierarchy=1\n",
        "ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS\nEnvironmentFile=-/etc/default/kubelet\n",
        "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources: []\n",
    ] {
        kept(input);
    }
}

#[test]
fn shapes_are_hidden_in_any_text() {
    let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJlLW9mLWl0";
    for secret in [
        "abcdef.0123456789abcdef",
        jwt,
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_0123456789abcdefghij0123456789abcdef",
        "$6$saltsalt$0123456789abcdefghijklmnopqrstuvwxyz",
        "glpat-0123456789abcdefghij",
    ] {
        for input in [
            format!("I1120 kubelet used {secret} to join\n"),
            format!("err=\"got {secret}\"\n"),
            format!("x='{secret}';\n"),
            secret.to_owned(),
        ] {
            let output = text(&input).into_owned();
            assert!(!output.contains(secret), "{output}");
            assert!(output.contains("nodepol-redacted"));
        }
    }
    for (input, output) in [
        (
            "Authorization: Bearer abc\n",
            "Authorization: Bearer nodepol-redacted\n",
        ),
        (
            "authorization = \"Basic dXNlcjpwYXNz\"\n",
            "authorization = \"Basic nodepol-redacted\"\n",
        ),
        (
            "-H 'Authorization: Basic eDp5'\n",
            "-H 'Authorization: Basic nodepol-redacted'\n",
        ),
        (
            "HTTPS_PROXY=http://u:p@ss@proxy:3128/\n",
            "HTTPS_PROXY=http://u:nodepol-redacted@proxy:3128/\n",
        ),
        (
            "root:$y$j9T$abcdefghijklmnop$0123456789:19000:0:99999:7:::\n",
            "root:nodepol-redacted:19000:0:99999:7:::\n",
        ),
    ] {
        assert_eq!(text(input), output);
    }
}

#[test]
fn properties_of_the_bus() {
    let mut properties = value!({
        "Environment": ["TOKEN=c4nary", "HOME=/root"],
        "ExecStart": [["/usr/bin/kubelet", ["/usr/bin/kubelet", "--token", "c4nary", "--v=2"], false]],
        "SetCredential": [["db", [99, 52]]],
        "StatusText": "used abcdef.0123456789abcdef",
        "NRestarts": 5,
        "PrivateTmp": true,
        "env": [{"name": "DB_PASSWORD", "value": "c4nary"}],
        "secret": {"secretName": "x"},
        "password": 12,
    });
    json(&mut properties);
    let output = properties.to_string();
    assert!(
        !output.contains("c4nary") && !output.contains("0123456789abcdef"),
        "{output}"
    );
    assert_eq!(properties["Environment"][1], "HOME=/root");
    assert_eq!(properties["ExecStart"][0][1][3], "--v=2");
    assert_eq!(properties["NRestarts"], 5);
    assert_eq!(properties["secret"]["secretName"], "x");
    assert_eq!(properties["password"], "nodepol-redacted");

    let mut deep = value!("token");
    for _ in 0..1000 {
        deep = serde_json::Value::Array(vec![deep]);
    }
    json(&mut deep);
    // Dropping it level by level does not go deep either.
    assert!(deep.is_array());
}

#[test]
fn time_is_linear() {
    let began = std::time::Instant::now();
    for unit in [
        "token: \"",
        "eyJ-",
        "eyJa.",
        "-----BEGIN RSA PRIVATE KEY-----\n",
        "-----END RSA PRIVATE KEY-----\n",
        "--token ",
        "kind: Secret\ndata:\n",
        "---\ndata:\n",
        "a://b:",
        "token:\n",
        "abcdef.",
        "LS0tLS1CRUdJTiBQUklW",
        "{\"data\":{",
        "token=[",
        "MIIEpAIBAAKCAQEA\n",
        "password='\n",
        "$6$",
        "-----",
        "Basic ",
    ] {
        let input = unit.repeat((1 << 18) / unit.len());
        let output = text(&input);
        assert_eq!(output.matches('\n').count(), input.matches('\n').count());
    }
    // A quadratic pass over all of these takes minutes; these take a second, tests
    // are built without optimisation, and machines are slow.
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
}
