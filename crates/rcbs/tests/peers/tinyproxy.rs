//! tinyproxy: an HTTP proxy that is not ours, with or without a login.

use std::path::Path;
use std::process::Command;

use crate::curl::curl;
use crate::server::{Recipe, Server, start};

/// A running proxy.
pub struct Tinyproxy {
    server: Server,
    port: u16,
}

impl Tinyproxy {
    /// Starts one; with `login` it asks for this user and password (letters and digits).
    pub fn start(login: Option<(&str, &str)>) -> Self {
        let (server, [port]) = start(&Recipe {
            logs: &["proxy.log"],
            command: &|dir, ports| command(dir, ports, login),
            ready: &|[port]| curl(&[&format!("http://127.0.0.1:{port}/")]).status != 0,
        });
        Self { server, port }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL, without a login.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The request lines that clients sent, refused ones included: `CONNECT host:port HTTP/1.1`.
    pub fn requests(&self) -> Vec<String> {
        std::fs::read_to_string(self.server.dir().join("proxy.log"))
            .unwrap()
            .lines()
            .filter_map(|line| Some(line.split_once("Request (file descriptor ")?.1))
            .filter_map(|rest| Some(rest.split_once("): ")?.1.trim_end().to_owned()))
            .collect()
    }

    /// The targets it connected to.
    pub fn connected(&self) -> usize {
        std::fs::read_to_string(self.server.dir().join("proxy.log"))
            .unwrap()
            .matches("Established connection to host")
            .count()
    }
}

fn command(dir: &Path, [port]: [u16; 1], login: Option<(&str, &str)>) -> Command {
    let login = login.map_or_else(String::new, |(user, password)| {
        format!("BasicAuth {user} {password}\n")
    });
    let config = format!(
        "Listen 127.0.0.1\nPort {port}\nAllow 127.0.0.1\nMaxClients 100\nTimeout 60\nLogLevel Connect\n\
         DisableViaHeader Yes\nLogFile \"{}\"\n{login}",
        dir.join("proxy.log").display()
    );
    let path = dir.join("proxy.conf");
    std::fs::write(&path, config).unwrap();
    let mut command = Command::new("tinyproxy");
    command.arg("-d").arg("-c").arg(path);
    command
}

#[test]
fn the_proxy_passes_requests_on_and_tells_the_test() {
    let proxy = Tinyproxy::start(None);
    let behind = Tinyproxy::start(None);
    let target = behind.url();
    // A proxy is also a server that answers something to a request of its own.
    let through = curl(&["-x", &proxy.url(), &format!("{target}/page")]);
    assert_ne!(through.status, 0, "{through:?}");
    let tunnelled = curl(&["-p", "-x", &proxy.url(), &format!("{target}/page")]);
    assert_ne!(tunnelled.status, 0, "{tunnelled:?}");
    let requests = proxy.requests();
    assert!(
        requests.contains(&format!("GET {target}/page HTTP/1.1")),
        "{requests:?}"
    );
    assert!(
        requests.contains(&format!("CONNECT 127.0.0.1:{} HTTP/1.1", behind.port())),
        "{requests:?}"
    );
    assert_eq!(proxy.connected(), 2);
}

#[test]
fn a_proxy_with_a_login_refuses_others() {
    let proxy = Tinyproxy::start(Some(("branch", "opensesame")));
    let behind = Tinyproxy::start(None);
    let target = behind.url();
    let with = |login: &str| {
        let url = format!("http://{login}127.0.0.1:{}", proxy.port());
        curl(&["-p", "-x", &url, &target]).status
    };
    assert_eq!(with(""), 0);
    assert_eq!(with("branch:wrong@"), 0);
    assert_eq!(proxy.connected(), 0);
    assert_ne!(with("branch:opensesame@"), 0);
    assert_eq!(proxy.connected(), 1);
}
