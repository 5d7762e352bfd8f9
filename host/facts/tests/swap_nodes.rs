//! Swap on the nodes of the corpus: none of them turns any on.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod tree;

use std::path::Path;
use std::sync::Arc;

use nodepol_facts::swap::Swap;
use nodepol_facts::systemd::Units;

#[test]
fn no_node_turns_swap_on() {
    let Some(corpus) = tree::corpus() else { return };
    let mut nodes = 0;
    for (_, root) in tree::nodes(&corpus) {
        let evidence = tree::evidence(&root);
        let units = Arc::new(Units::new(Arc::clone(&evidence)));
        let swap = Swap::new(evidence, units, || Ok(Vec::new()));
        assert_eq!(swap.at_next_boot(), Ok(Vec::new()), "{}", root.display());
        let masked = swap
            .enforcements()
            .unwrap()
            .iter()
            .any(|enforcement| enforcement.kind == "masked-target");
        // kubespray masks the target by hand; no other tool does.
        let link = std::fs::read_link(root.join("etc/systemd/system/swap.target"));
        let linked_away = link.is_ok_and(|target| target == Path::new("/dev/null"));
        assert_eq!(masked, linked_away, "{}", root.display());
        nodes += 1;
    }
    assert!(nodes > 10, "{nodes}");
}
