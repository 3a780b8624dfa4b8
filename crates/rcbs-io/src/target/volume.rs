//! What kind of file system a folder lies on, as far as durability and locking depend on it.

use std::path::Path;

/// How much a file system can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Volume {
    /// A local file system where one flush of the whole volume makes every file and name on it durable, and where the
    /// kernel reports a write that failed in between.
    FlushesAsOne,
    /// A local or unknown file system: every file and folder is flushed by itself.
    FlushesEach,
    /// On another machine, or a program stands behind it: as before, and shared memory between processes is not to be
    /// relied on.
    Remote,
}

/// The volume that holds this path.
///
/// # Errors
/// Those of the system when the path cannot be looked at.
#[cfg(target_os = "linux")]
pub(crate) fn volume_of(path: &Path) -> std::io::Result<Volume> {
    let found = rustix::fs::statfs(path)?;
    let release = rustix::system::uname();
    Ok(classify(
        u64::try_from(found.f_type).unwrap_or_default() & 0xffff_ffff,
        &release.release().to_string_lossy(),
    ))
}

/// The volume that holds this path.
///
/// # Errors
/// None here: other systems have no call that tells.
#[cfg(not(target_os = "linux"))]
pub(crate) fn volume_of(_path: &Path) -> std::io::Result<Volume> {
    Ok(Volume::FlushesEach)
}

/// Decides by the magic number of `statfs(2)` and the release of the kernel.
#[cfg(any(target_os = "linux", test))]
fn classify(magic: u64, kernel_release: &str) -> Volume {
    const EXT: u64 = 0xef53;
    const XFS: u64 = 0x5846_5342;
    const BTRFS: u64 = 0x9123_683e;
    const F2FS: u64 = 0xf2f5_2010;
    const TMPFS: u64 = 0x0102_1994;
    const RAMFS: u64 = 0x8584_58f6;
    const NFS: u64 = 0x6969;
    const SMB: u64 = 0x517b;
    const CIFS: u64 = 0xff53_4d42;
    const SMB2: u64 = 0xfe53_4d42;
    const FUSE: u64 = 0x6573_5546;
    const NINE_P: u64 = 0x0102_1997;
    const CEPH: u64 = 0x00c3_6400;
    const AFS: u64 = 0x5346_414f;
    const LUSTRE: u64 = 0x0bd0_0bd0;
    const GFS2: u64 = 0x0116_1970;
    const OCFS2: u64 = 0x7461_636f;
    match magic {
        EXT | XFS | BTRFS | F2FS | TMPFS | RAMFS if reports_volume_errors(kernel_release) => {
            Volume::FlushesAsOne
        }
        NFS | SMB | CIFS | SMB2 | FUSE | NINE_P | CEPH | AFS | LUSTRE | GFS2 | OCFS2 => {
            Volume::Remote
        }
        _ => Volume::FlushesEach,
    }
}

/// Before Linux 5.8 `syncfs(2)` reported success although data had been lost.
#[cfg(any(target_os = "linux", test))]
fn reports_volume_errors(kernel_release: &str) -> bool {
    let mut numbers = kernel_release
        .split(|c: char| !c.is_ascii_digit())
        .map(|n| n.parse::<u32>().unwrap_or_default());
    let major = numbers.next().unwrap_or_default();
    let minor = numbers.next().unwrap_or_default();
    (major, minor) >= (5, 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_flush_is_trusted_only_where_the_kernel_reports_its_errors() {
        let cases = [
            (0xef53, "6.18.44-fc", Volume::FlushesAsOne),
            (0xef53, "5.8.0", Volume::FlushesAsOne),
            (0xef53, "5.7.19", Volume::FlushesEach),
            (0xef53, "4.18.0-553.el8", Volume::FlushesEach),
            (0xef53, "", Volume::FlushesEach),
            (0x0102_1994, "10.0", Volume::FlushesAsOne),
            (0x6969, "6.1.0", Volume::Remote),
            (0xff53_4d42, "6.1.0", Volume::Remote),
            (0x6573_5546, "6.1.0", Volume::Remote),
            // overlayfs: what lies under it is not known
            (0x794c_7630, "6.1.0", Volume::FlushesEach),
        ];
        for (magic, release, wanted) in cases {
            assert_eq!(classify(magic, release), wanted, "{magic:#x} {release}");
        }
    }
}
