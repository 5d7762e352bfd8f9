//! Lines as klog writes them: `E1123 20:03:30.423968   19076 run.go:72] "command
//! failed" err="…"` (k8s.io/klog/v2), and which of them a kubelet exits with.

/// A line that carries klog's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// `I`, `W`, `E` or `F`.
    pub level: char,
    /// `file.go:123`.
    pub caller: &'a str,
    /// What follows the header.
    pub message: &'a str,
}

/// Reads klog's header; `None` if the line has none.
pub fn parse(line: &str) -> Option<Line<'_>> {
    let level = line.chars().next().filter(|c| "IWEF".contains(*c))?;
    let (header, message) = line.split_once("] ")?;
    let mut fields = header.get(1..)?.split_whitespace();
    let date = fields.next()?;
    if date.len() != 4 || !date.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let caller = fields.nth(2)?;
    caller.contains(".go:").then_some(Line {
        level,
        caller,
        message,
    })
}

/// Messages after which the kubelet calls `os.Exit` although they are of the
/// level of an error (pkg/kubelet/kubelet.go, pkg/kubelet/server/server.go,
/// pkg/kubelet/certificate/transport.go).
const EXITS: &[&str] = &[
    "\"command failed\"",
    "\"Failed to run kubelet\"",
    "Failed to run kubelet:",
    "failed to run Kubelet:",
    "\"Failed to start ContainerManager\"",
    "\"Failed to start cAdvisor\"",
    "\"Failed to initialize internal modules\"",
    "\"Failed to listen and serve\"",
    "\"Failed to serve the podresources API\"",
    "Failed to register CRI auth plugins",
    "No valid client certificate is found and the server is responsive, exiting.",
    "The currently active client certificate has expired and the server is responsive, exiting.",
];

/// Whether the kubelet exits with this line: a fatal line of klog, an error
/// after which it calls `os.Exit`, or a panic of Go.
pub fn is_fatal(line: &str) -> bool {
    if line.starts_with("panic: ") || line.starts_with("fatal error: ") {
        return true;
    }
    match parse(line) {
        Some(Line {
            level: 'F' | 'E',
            message,
            ..
        }) if exits(message) => true,
        Some(line) => line.level == 'F',
        // `--logging-format=json`, or a line without a header.
        None => {
            (line.starts_with('{') && line.contains("\"msg\":\"command failed\""))
                || line.starts_with("Error: failed to ")
                || line.starts_with("Error: unknown ")
        }
    }
}

fn exits(message: &str) -> bool {
    EXITS.iter().any(|exit| {
        message.starts_with(exit)
            || message
                .strip_prefix('"')
                .is_some_and(|rest| rest.starts_with(exit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        let line = parse("W0102 03:04:05.000006       7 gate.go:8] unrecognized feature gate: X");
        assert_eq!(
            line,
            Some(Line {
                level: 'W',
                caller: "gate.go:8",
                message: "unrecognized feature gate: X",
            })
        );
        assert_eq!(parse("Warning: something] else"), None);
        assert_eq!(parse(""), None);
        assert_eq!(parse("Iéé] "), None);
    }

    #[test]
    fn fatal_lines() {
        for line in [
            r#"E0102 03:04:05.000006 7 run.go:72] "command failed" err="x""#,
            r#"F0102 03:04:05.000006 7 server.go:274] failed to run Kubelet: x"#,
            r#"E0102 03:04:05.000006 7 server.go:292] "Failed to run kubelet" err="x""#,
            r#"E0102 03:04:05.000006 7 kubelet.go:1] "Failed to start ContainerManager" err="x""#,
            r#"{"ts":1.5,"caller":"cli/run.go:72","msg":"command failed","err":"x"}"#,
            "panic: runtime error: index out of range",
        ] {
            assert!(is_fatal(line), "{line}");
        }
        for line in [
            r#"E0102 03:04:05.000006 7 server.go:1287] "Failed to set rlimit" err="x""#,
            r#"I0102 03:04:05.000006 7 server.go:1] "command failed" err="of a pod""#,
            "the container said: panic: no",
        ] {
            assert!(!is_fatal(line), "{line}");
        }
    }
}
