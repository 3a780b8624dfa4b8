//! A file system that is soon full, and can be made larger.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::process::{Output, run};

const LIMIT: Duration = Duration::from_secs(60);
/// Set where a test plays in a namespace of its own.
const INSIDE: &str = "RCBS_TEST_NAMESPACE";

/// A tmpfs; it is unmounted when this is dropped.
pub struct SmallDisk {
    place: PathBuf,
}

impl SmallDisk {
    /// Makes the folder, and mounts so many KiB there.
    pub fn mount(place: &Path, kib: u64) -> Self {
        std::fs::create_dir_all(place).unwrap();
        let options = format!("size={kib}k,mode=700");
        mount(&["-t", "tmpfs", "-o", &options, "tmpfs", text(place)]).expect("mounting a tmpfs");
        Self {
            place: place.to_owned(),
        }
    }

    /// Gives it so many KiB.
    pub fn resize(&self, kib: u64) {
        let options = format!("remount,size={kib}k");
        // The options that it has now name its owner as another namespace knows it.
        let ignore = ["--options-mode", "ignore", "-o", &options];
        mount(&[&ignore[..], &[text(&self.place)]].concat()).expect("resizing a tmpfs");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a child of a test that has failed may still hold a file.
        run(
            Command::new("umount").args(["-l", text(&self.place)]),
            LIMIT,
        );
    }
}

/// A file that nobody can write, until this is dropped.
pub struct ReadOnlyFile(PathBuf);

impl ReadOnlyFile {
    /// Mounts the file over itself.
    pub fn mount(place: &Path) -> Self {
        mount(&["--bind", text(place), text(place)]).expect("mounting a file");
        let file = Self(place.to_owned());
        mount(&["-o", "remount,bind,ro", text(place)]).expect("mounting it read-only");
        file
    }
}

impl Drop for ReadOnlyFile {
    fn drop(&mut self) {
        run(Command::new("umount").args(["-l", text(&self.0)]), LIMIT);
    }
}

/// Plays a test where disks can be mounted: here as root, else once more in a namespace of its own in which this account
/// is root. `test` is its path in the test program.
pub fn where_disks_can_be_mounted(test: &str, play: impl FnOnce()) {
    let folder = tempfile::tempdir().unwrap();
    let probe = mount(&["-t", "tmpfs", "tmpfs", text(folder.path())]);
    if probe.success {
        run(Command::new("umount").arg(folder.path()), LIMIT);
        return play();
    }
    let refused = "small disks can neither be mounted as this account nor in a namespace";
    let is_inside = std::env::var_os(INSIDE).is_some();
    assert!(!is_inside, "{refused}: {}", probe.stderr);
    let again = run(
        Command::new("unshare")
            .args(["-r", "-m"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(INSIDE, "1"),
        Duration::from_secs(600),
    );
    let said = format!("{}{}", again.stdout, again.stderr);
    assert!(again.success, "{refused}, or the test failed there: {said}");
    assert!(
        said.contains("1 passed"),
        "no test is called {test}: {said}"
    );
}

fn mount(args: &[&str]) -> Output {
    run(Command::new("mount").args(args), LIMIT)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
