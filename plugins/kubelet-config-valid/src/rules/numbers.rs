//! Ranges of numbers.

use nodepol_plugin::quantity::scaled;

use super::{Done, Rules, field};

/// A range: the finding, the field, the least and the most.
type Range = (&'static str, &'static [&'static str; 1], i64, i64);

const ANY: i64 = i64::MAX;

const RANGES: [Range; 24] = [
    ("container-log", &["/containerLogMaxFiles"], 2, ANY),
    ("container-log", &["/containerLogMaxWorkers"], 1, ANY),
    ("number", &["/eventBurst"], 0, ANY),
    ("number", &["/eventRecordQPS"], 0, ANY),
    ("port", &["/healthzPort"], 0, 65_535),
    ("image-gc", &["/imageGCHighThresholdPercent"], 0, 100),
    ("image-gc", &["/imageGCLowThresholdPercent"], 0, 100),
    ("number", &["/iptablesDropBit"], 0, 31),
    ("number", &["/iptablesMasqueradeBit"], 0, 31),
    ("number", &["/kubeAPIBurst"], 0, ANY),
    ("number", &["/kubeAPIQPS"], 0, ANY),
    ("number", &["/logging/verbosity"], 0, 2_147_483_647),
    ("number", &["/maxOpenFiles"], 0, ANY),
    ("parallel-pulls", &["/maxParallelImagePulls"], 1, ANY),
    ("number", &["/maxPods"], 0, ANY),
    ("node-lease", &["/nodeLeaseDurationSeconds"], 1, ANY),
    ("number", &["/nodeStatusMaxImages"], -1, ANY),
    ("oom-score-adj", &["/oomScoreAdj"], -1000, 1000),
    ("number", &["/podsPerCore"], 0, ANY),
    ("port", &["/port"], 1, 65_535),
    ("port", &["/readOnlyPort"], 0, 65_535),
    ("number", &["/registryBurst"], 0, ANY),
    ("number", &["/registryPullQPS"], 0, ANY),
    ("number", &["/tracing/samplingRatePerMillion"], 0, 1_000_000),
];

pub(super) fn check(rules: &mut Rules) -> Done {
    for (id, pointers, least, most) in RANGES {
        let [pointer] = pointers;
        if let Some(value) = rules.settings.integer(pointer)?
            && !(least..=most).contains(&value)
        {
            let field = field(pointer);
            let range = if most == ANY {
                format!("at least {least}")
            } else {
                format!("between {least} and {most}, inclusive")
            };
            rules.broken(id, pointers, &format!("{field} {value} must be {range}"));
        }
    }
    image_gc(rules)?;
    ids_per_pod(rules)?;
    throttling(rules)
}

fn image_gc(rules: &mut Rules) -> Done {
    const FIELDS: [&str; 2] = [
        "/imageGCHighThresholdPercent",
        "/imageGCLowThresholdPercent",
    ];
    if let Some(high) = rules.settings.integer(FIELDS[0])?
        && let Some(low) = rules.settings.integer(FIELDS[1])?
        && low >= high
    {
        rules.broken(
            "image-gc",
            &FIELDS,
            "imageGCLowThresholdPercent must be less than imageGCHighThresholdPercent",
        );
    }
    Ok(())
}

fn ids_per_pod(rules: &mut Rules) -> Done {
    const FIELD: &str = "/userNamespaces/idsPerPod";
    if let Some(ids) = rules.settings.integer(FIELD)?
        && (ids <= 0 || ids % 65_536 != 0)
    {
        rules.broken(
            "ids-per-pod",
            &[FIELD],
            "userNamespaces.idsPerPod must be a multiple of 65536",
        );
    }
    Ok(())
}

fn throttling(rules: &mut Rules) -> Done {
    const FIELD: &str = "/memoryThrottlingFactor";
    let Some(factor) = rules.settings.text(FIELD)? else {
        return Ok(());
    };
    if !scaled(&factor, 9).is_some_and(|nano| (1..=1_000_000_000).contains(&nano)) {
        rules.broken(
            "memory-throttling-factor",
            &[FIELD],
            "memoryThrottlingFactor must be greater than 0 and less than or equal to 1.0",
        );
    }
    Ok(())
}
