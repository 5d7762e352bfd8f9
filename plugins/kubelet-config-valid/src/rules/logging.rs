//! Logs and traces (k8s.io/component-base/logs/api/v1, tracing/api/v1).

use nodepol_plugin::json::Json;
use nodepol_plugin::quantity::bytes;

use super::{Done, Rules};

pub(super) fn check(rules: &mut Rules) -> Done {
    vmodule(rules)?;
    options(rules)?;
    tracing(rules)?;
    pod_logs_dir(rules)
}

fn vmodule(rules: &mut Rules) -> Done {
    const FIELDS: [&str; 2] = ["/logging/vmodule", "/logging/format"];
    let Some(list) = rules.settings.json(FIELDS[0])? else {
        return Ok(());
    };
    let text = rules
        .settings
        .text(FIELDS[1])?
        .is_none_or(|format| format.is_empty() || format == "text");
    if !list.items().is_empty() && !text {
        rules.broken(
            "logging",
            &FIELDS,
            "logging.vmodule is only supported for the log format text",
        );
    }
    let is_odd = |item: &Json| {
        let pattern = item.get("filePattern").and_then(Json::text);
        pattern.is_none_or(|pattern| {
            pattern.is_empty() || pattern.bytes().any(|c| matches!(c, b'=' | b','))
        })
    };
    if list.items().iter().any(is_odd) {
        rules.broken(
            "logging",
            &[FIELDS[0]],
            "a filePattern in logging.vmodule must not be empty and must not contain equal sign or \
             comma",
        );
    }
    Ok(())
}

fn options(rules: &mut Rules) -> Done {
    const FIELD: &str = "/logging/options";
    const GATE: &str = "/featureGates/LoggingAlphaOptions";
    let Some(options) = rules.settings.json(FIELD)? else {
        return Ok(());
    };
    for (format, since) in [("json", 0), ("text", 30)] {
        let Some(options) = options.get(format) else {
            continue;
        };
        let split = options.get("splitStream") == Some(&Json::Boolean(true));
        let buffered = options
            .get("infoBufferSize")
            .and_then(Json::text)
            .is_some_and(|size| bytes(size) != Some(0));
        if (split || buffered) && rules.settings.since(since)? {
            rules.lacks_gate("logging", &[FIELD, GATE])?;
        }
    }
    Ok(())
}

fn tracing(rules: &mut Rules) -> Done {
    const FIELD: &str = "/tracing";
    const ENDPOINT: &str = "/tracing/endpoint";
    const GATE: &str = "/featureGates/KubeletTracing";
    if rules.settings.said(FIELD)?.is_some() {
        rules.lacks_gate("tracing", &[FIELD, GATE])?;
    }
    if let Some(endpoint) = rules.settings.text(ENDPOINT)?
        && let Some(scheme) = endpoint.split('/').next()
        && scheme.ends_with(':')
        && !["dns:", "unix:", "unix-abstract:"].contains(&scheme)
    {
        rules.broken(
            "tracing",
            &[ENDPOINT],
            "the scheme of tracing.endpoint must be none, dns, unix, or unix-abstract",
        );
    }
    Ok(())
}

fn pod_logs_dir(rules: &mut Rules) -> Done {
    const FIELD: &str = "/podLogsDir";
    let Some(path) = rules.settings.text(FIELD)? else {
        return Ok(());
    };
    let is_plain = || {
        path == "/"
            || path
                .split('/')
                .skip(1)
                .all(|part| !matches!(part, "" | "." | ".."))
    };
    let message = if !path.starts_with('/') {
        "podLogsDir must be an absolute path"
    } else if !is_plain() {
        "podLogsDir must be a normalized path"
    } else if !path.is_ascii() {
        "podLogsDir must have ASCII characters only"
    } else {
        return Ok(());
    };
    rules.broken("pod-logs-dir", &[FIELD], message);
    Ok(())
}
