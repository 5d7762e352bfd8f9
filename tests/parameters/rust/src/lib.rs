//! Says what it was given.

use std::time::Duration;

use nodepol_plugin::{
    Description, Finding, Horizon, Judgement, Parameters, Policy, Unavailable,
};

struct AllTypes;

impl Policy for AllTypes {
    fn describe() -> Description {
        Description::new("all-types", "All types", "parameters of every type arrive")
            .parameter("flag", false, "a boolean")
            .parameter("count", 3, "an integer")
            .parameter("word", "a", "a text")
            .parameter("words", ["a", "b"], "a list of texts")
            .parameter("age", Duration::from_secs(60), "a duration")
    }

    fn judge(_at: Horizon, parameters: &Parameters) -> Result<Judgement, Unavailable> {
        let message = format!(
            "flag={} count={} word={} words={} age={}",
            parameters.boolean("flag"),
            parameters.integer("count"),
            parameters.text("word"),
            parameters.texts("words").join(","),
            parameters.seconds("age"),
        );
        Ok(Finding::warn("said", message).into())
    }
}

nodepol_plugin::policy!(AllTypes);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_can_be_changed_one_by_one() {
        let parameters = Parameters::defaults(&AllTypes::describe())
            .with("count", 5)
            .with("words", vec!["c".to_owned()]);
        let judged = AllTypes::judge(Horizon::Now, &parameters).unwrap();
        assert_eq!(judged.summary(), "flag=false count=5 word=a words=c age=60");
    }
}
