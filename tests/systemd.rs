use nodepol_tests::bed::boot::Booted;
#[test]
fn boots() {
    let fill = tempfile::tempdir().unwrap();
    let t = std::time::Instant::now();
    let Some(bed) = Booted::start_or_skip(fill.path()) else {
        return;
    };
    eprintln!("{:?}", t.elapsed());
    eprintln!("{:?} {:?}", bed.settle(), t.elapsed());
    eprintln!(
        "{}",
        String::from_utf8_lossy(
            &bed.run(&["systemctl", "--no-pager", "--failed"])
                .unwrap()
                .stdout
        )
    );
    eprintln!(
        "{}",
        String::from_utf8_lossy(
            &bed.run(&[
                "systemctl",
                "list-units",
                "--no-pager",
                "-t",
                "service",
                "-t",
                "swap"
            ])
            .unwrap()
            .stdout
        )
    );
    eprintln!(
        "{}",
        String::from_utf8_lossy(&bed.run(&["journalctl", "-n5"]).unwrap().stdout)
    );
    eprintln!(
        "{}",
        String::from_utf8_lossy(&bed.run(&["mount"]).unwrap().stdout)
    );
    drop(bed);
    eprintln!("{:?}", t.elapsed());
}
