//! A run under `strace`: every call that changes files or makes them durable, in the order the kernel did them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::stage::Stage;
use crate::support::rcbs::Finished;

/// All calls by which a program can change files or their names, known to [`parse`] or not: one that is not known
/// fails the test instead of being missed.
const CALLS: &str = "open,openat,openat2,creat,close,lseek,write,writev,pwrite64,pwritev,pwritev2,ftruncate,truncate,\
fallocate,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,rmdir,mkdir,mkdirat,mknod,mknodat,\
fsync,fdatasync,syncfs,sync,sync_file_range,copy_file_range,sendfile,splice,io_uring_setup";

/// One call that has succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// A file is there from now on, if it was not.
    Create(PathBuf),
    Mkdir(PathBuf),
    Rename(PathBuf, PathBuf),
    Unlink(PathBuf),
    Write {
        path: PathBuf,
        at: u64,
        bytes: Vec<u8>,
    },
    Truncate {
        path: PathBuf,
        len_bytes: u64,
    },
    /// Makes durable what was done to this file or folder before the given call began.
    Flush {
        path: PathBuf,
        before: usize,
    },
    /// The same for everything on the volume.
    FlushAll {
        before: usize,
    },
    /// What the user saw.
    Said(Vec<u8>),
}

/// Runs a backup and gives its calls below the folder of the stage.
pub fn backup(stage: &Stage) -> (Finished, Vec<Call>) {
    let log = NamedTempFile::new().unwrap();
    let trace = format!("trace={CALLS}");
    let wrapper = [
        "strace",
        "-f",
        "-y",
        "-xx",
        "-s",
        "1000000000",
        "-e",
        &trace,
        "-e",
        "signal=none",
        "-o",
        log.path().to_str().unwrap(),
    ];
    let finished = stage.program(&["backup", "--json"]).under(wrapper).run();
    let text = std::fs::read_to_string(log.path()).unwrap();
    let folder = stage.folder().canonicalize().unwrap();
    (finished, parse(&text, &folder))
}

/// The calls of a log that are about something below this folder, and what went to standard output.
fn parse(log: &str, folder: &Path) -> Vec<Call> {
    let mut reader = Reader {
        folder,
        calls: Vec::new(),
        begun: HashMap::new(),
        open: HashMap::new(),
    };
    for line in log.lines() {
        let (thread, rest) = line.split_once(' ').unwrap();
        let rest = rest.trim_start();
        if let Some(begun) = rest.strip_suffix("<unfinished ...>") {
            let at = reader.calls.len();
            reader
                .begun
                .insert(thread.to_owned(), (at, begun.to_owned()));
        } else if let Some(resumed) = rest.strip_prefix("<... ") {
            let (_, end) = resumed.split_once(" resumed>").unwrap();
            let (at, begun) = reader.begun.remove(thread).unwrap();
            reader.line(at, &(begun + end));
        } else if !rest.starts_with(['+', '-']) {
            reader.line(reader.calls.len(), rest);
        }
    }
    reader.calls
}

struct Reader<'a> {
    folder: &'a Path,
    calls: Vec<Call>,
    /// Calls of other threads that have begun, and how many calls were done by then.
    begun: HashMap<String, (usize, String)>,
    /// Where the next byte of each open file goes.
    open: HashMap<u32, u64>,
}

impl Reader<'_> {
    fn line(&mut self, before: usize, line: &str) {
        let (name, rest) = line.split_once('(').unwrap();
        let (args, result) = rest.rsplit_once(") ").unwrap();
        let result = result.trim_start().trim_start_matches("= ");
        if result.starts_with(['-', '?']) {
            return;
        }
        let result: String = result.chars().take_while(char::is_ascii_digit).collect();
        let result: u64 = result.parse().unwrap();
        let args = Args::of(args);
        let call = match name {
            "openat" | "openat2" => self.opened(args.path(Some(0), 1), args.words[2], result),
            "open" => self.opened(args.path(None, 0), args.words[1], result),
            "lseek" => {
                self.open.insert(args.handle(0), result);
                None
            }
            "write" | "writev" if args.handle(0) == 1 => Some(Call::Said(args.bytes())),
            "write" | "writev" => self.written(&args, result),
            "pwrite64" => self.inside(args.handle_path(0)).map(|path| Call::Write {
                path,
                at: args.words[3].parse().unwrap(),
                bytes: args.bytes(),
            }),
            "ftruncate" => self.inside(args.handle_path(0)).map(|path| Call::Truncate {
                path,
                len_bytes: args.words[1].parse().unwrap(),
            }),
            "mkdir" => self.inside(args.path(None, 0)).map(Call::Mkdir),
            "mkdirat" => self.inside(args.path(Some(0), 1)).map(Call::Mkdir),
            "unlink" => self.inside(args.path(None, 0)).map(Call::Unlink),
            "unlinkat" => self.inside(args.path(Some(0), 1)).map(Call::Unlink),
            "renameat" | "renameat2" => {
                let (from, to) = (args.path(Some(0), 1), args.path(Some(2), 3));
                let from = self.inside(from);
                from.map(|from| Call::Rename(from, self.inside(to).unwrap()))
            }
            "fsync" | "fdatasync" => self
                .inside(args.handle_path(0))
                .map(|path| Call::Flush { path, before }),
            "syncfs" => self
                .inside(args.handle_path(0))
                .map(|_| Call::FlushAll { before }),
            "close" => None,
            _ => {
                let is_ours = args.words.iter().any(|word| {
                    let text = unescaped(word);
                    text.windows(8).any(|piece| piece == b"/target/")
                });
                assert!(!is_ours, "a call that nobody knows: {line}");
                None
            }
        };
        self.calls.extend(call);
    }

    fn opened(&mut self, path: PathBuf, flags: &str, handle: u64) -> Option<Call> {
        self.open.insert(u32::try_from(handle).unwrap(), 0);
        let path = self.inside(path)?;
        for unknown in ["O_TRUNC", "O_APPEND", "O_TMPFILE"] {
            assert!(!flags.contains(unknown), "{unknown}: {}", path.display());
        }
        flags.contains("O_CREAT").then_some(Call::Create(path))
    }

    fn written(&mut self, args: &Args<'_>, len_bytes: u64) -> Option<Call> {
        let path = self.inside(args.handle_path(0))?;
        let next = self.open.get_mut(&args.handle(0));
        let next = next.unwrap_or_else(|| panic!("{} was never opened", path.display()));
        let at = *next;
        *next += len_bytes;
        let mut bytes = args.bytes();
        bytes.truncate(usize::try_from(len_bytes).unwrap());
        Some(Call::Write { path, at, bytes })
    }

    /// The path relative to the folder, where it lies in it. A file that has no name any more is of no interest.
    fn inside(&self, path: PathBuf) -> Option<PathBuf> {
        // The program runs in the folder.
        let path = self.folder.join(path);
        path.strip_prefix(self.folder).ok().map(Path::to_owned)
    }
}

/// The arguments of a call as `strace -y -xx` writes them.
struct Args<'a> {
    text: &'a str,
    words: Vec<&'a str>,
}

impl<'a> Args<'a> {
    /// Commas inside brackets part nothing that is asked for.
    fn of(text: &'a str) -> Self {
        Self {
            text,
            words: text.split(", ").map(str::trim).collect(),
        }
    }

    fn handle(&self, word: usize) -> u32 {
        let digits = self.words[word].split('<').next().unwrap();
        digits.parse().unwrap()
    }

    /// Where the file or folder of a handle lies; elsewhere when it has no name any more, or none that is known.
    fn handle_path(&self, word: usize) -> PathBuf {
        let path = self.words[word].split_once('<');
        let path = match path.and_then(|(_, rest)| rest.rsplit_once('>')) {
            Some((path, "")) => String::from_utf8(unescaped(path)).unwrap_or_default(),
            _ => String::new(),
        };
        // A pipe or a socket has a name of another kind.
        let is_path = path.starts_with('/');
        PathBuf::from(if is_path { path } else { "/".to_owned() })
    }

    /// A path that is named, in the folder of another argument.
    fn path(&self, folder: Option<usize>, word: usize) -> PathBuf {
        let named = String::from_utf8(unescaped(self.words[word].trim_matches('"'))).unwrap();
        match folder {
            Some(folder) => self.handle_path(folder).join(named),
            None => named.into(),
        }
    }

    /// All bytes between quotes.
    fn bytes(&self) -> Vec<u8> {
        let quoted = self.text.split('"').skip(1).step_by(2);
        quoted.flat_map(unescaped).collect()
    }
}

fn unescaped(text: &str) -> Vec<u8> {
    let pieces = text.split("\\x");
    let byte = |piece: &str| u8::from_str_radix(piece.get(..2)?, 16).ok();
    pieces.skip(1).filter_map(byte).collect()
}

#[test]
fn calls_of_threads_are_put_in_the_order_in_which_they_ended() {
    let hex = |text: &str| {
        text.bytes()
            .map(|b| format!("\\x{b:02x}"))
            .collect::<String>()
    };
    let (folder, file) = (hex("/a"), hex("/a/f"));
    let log = format!(
        "1 openat(3<{folder}>, \"{name}\", O_WRONLY|O_CREAT|O_EXCL, 0600) = 7<{file}>\n\
         1 fsync(7<{file}> <unfinished ...>\n\
         2 write(7<{file}>, \"{name}{name}\", 2) = 2\n\
         2 pwrite64(7<{file}>, \"\\x00\", 1, 9) = 1\n\
         2 mkdirat(3<{folder}>, \"{name}\", 0700) = -1 EEXIST (File exists)\n\
         1 <... fsync resumed>) = 0\n\
         2 write(1<{pipe}>, \"{name}\", 1) = 1\n\
         2 writev(7<{file}>, [{{iov_base=\"{name}\", iov_len=1}}, {{iov_base=\"{name}\", iov_len=1}}], 2) = 2\n\
         2 +++ exited with 0 +++\n",
        name = hex("f"),
        pipe = hex("pipe:[1]"),
    );
    let f = || PathBuf::from("f");
    let write = |at, bytes: &[u8]| Call::Write {
        path: f(),
        at,
        bytes: bytes.to_vec(),
    };
    let wanted = [
        Call::Create(f()),
        write(0, b"ff"),
        write(9, b"\0"),
        // It began before the writes: nothing is known of them.
        Call::Flush {
            path: f(),
            before: 1,
        },
        Call::Said(b"f".to_vec()),
        write(2, b"ff"),
    ];
    assert_eq!(parse(&log, Path::new("/a")), wanted);
}
