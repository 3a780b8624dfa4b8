//! OpenSSL as the foreign oracle for sealing: what we seal it opens with the commands of the manual and either key.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "OpenSSL is another program, and it wants files"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use rcbs_core::cms::{Certificate, KeyFile, Seal, SealCipher};

const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/cms");

fn certificate(name: &str) -> Certificate {
    let pem = fs::read(format!("{KEYS}/{name}.cert.pem")).unwrap();
    let mut all = KeyFile::read(&pem).unwrap().into_certificates().unwrap();
    all.remove(0)
}

fn sealed(seal: &Seal, clear: &[u8]) -> Vec<u8> {
    let (head, mut sealer) = seal.begin(clear.len() as u64).unwrap();
    let mut file = head.to_vec();
    for piece in clear.chunks(1000) {
        file.extend_from_slice(&sealer.update(piece).unwrap());
    }
    file.extend_from_slice(&sealer.finish().unwrap());
    file
}

fn openssl(folder: &Path, args: &str) -> Output {
    Command::new("openssl")
        .args(args.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| {
            panic!("these tests need the program openssl (3 or newer) in the PATH: {error}")
        })
}

fn plain(bytes: usize) -> Vec<u8> {
    (0..bytes)
        .map(|at| u8::try_from((at * at + at / 251) % 256).unwrap())
        .collect()
}

#[test]
fn what_we_seal_openssl_opens_with_either_key() {
    let guard = tempfile::tempdir().unwrap();
    let folder = guard.path();
    for (cipher, name) in [
        (SealCipher::Aes128, "aes-128-cbc"),
        (SealCipher::Aes256, "aes-256-cbc"),
    ] {
        for names in [&["one"][..], &["one", "two"], &["two", "one"]] {
            let recipients: Vec<Certificate> = names.iter().map(|name| certificate(name)).collect();
            let seal = Seal::new(cipher, &recipients).unwrap();
            for bytes in [1, 15, 16, 17, 4096, 70_001] {
                let clear = plain(bytes);
                fs::write(folder.join("sealed"), sealed(&seal, &clear)).unwrap();
                for (tool, key) in names.iter().flat_map(|key| [("cms", key), ("smime", key)]) {
                    let output = openssl(
                        folder,
                        &format!(
                            "{tool} -decrypt -inform DER -in sealed -binary -inkey {KEYS}/{key}.key.pem -out clear"
                        ),
                    );
                    let said = String::from_utf8_lossy(&output.stderr);
                    let case = format!("{name} for {names:?}, {bytes} bytes, {tool} with {key}");
                    assert!(output.status.success(), "{case}: {said}");
                    assert!(fs::read(folder.join("clear")).unwrap() == clear, "{case}");
                }
            }
            let printed = openssl(folder, "cms -cmsout -inform DER -in sealed -print -noout");
            let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
            assert!(printed.contains(&format!("algorithm: {name}")), "{printed}");
            assert_eq!(
                printed.matches("d.issuerAndSerialNumber").count(),
                names.len(),
                "{printed}"
            );
        }
    }
}
