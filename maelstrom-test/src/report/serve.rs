//! `maelstrom serve`: the stored runs in a browser.
//!
//! Only files in the store are served: the path of a request is resolved with all its symbolic links, and must then be inside
//! the store. Requests whose `Host` header is neither `localhost` nor a numeric address are refused. This prevents DNS
//! rebinding: a web site whose name resolves to this machine cannot read the runs.
//!
//! `tiny_http` implements HTTP. There are only three kinds of responses, so a web framework with its async runtime is not
//! needed.

use std::fs;
use std::io::{self, Cursor};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use askama::Template;
use percent_encoding::percent_decode_str;
use tiny_http::{Header, Method, Request, Response, ResponseBox, Server};

use super::escape::visible;
use super::file_names;
use super::html::STYLE;
use super::index::{self, url_segment};
use super::units;

/// An HTTP server of a directory of runs.
pub struct StoreServer {
    server: Server,
    root: PathBuf,
}

/// Why a [`StoreServer`] cannot be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The directory of runs cannot be opened.
    #[error("cannot open the stored runs in `{}`: {source}\n  help: `maelstrom test` stores a run", root.display())]
    Store {
        /// The directory.
        root: PathBuf,
        /// Why it cannot be opened.
        source: io::Error,
    },
    /// The server cannot listen on the address.
    #[error(
        "cannot listen on {address}: {source}\n  help: if another program uses the port, choose another one with --port"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why the server cannot listen.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreServer {
    /// Listens on a port of the loopback interface. Port 0 selects a free port.
    ///
    /// # Errors
    /// Fails if the store does not exist, or if the port is in use.
    pub fn bind(root: &Path, port: u16) -> Result<StoreServer, ServeError> {
        StoreServer::bind_to(root, SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    /// Listens on any address. Other machines can read the runs unless the address is one of the loopback interface.
    ///
    /// # Errors
    /// Fails if the store does not exist, or if the port is in use.
    pub fn bind_to(root: &Path, address: SocketAddr) -> Result<StoreServer, ServeError> {
        let canonical = root.canonicalize();
        let root = canonical.map_err(|source| ServeError::Store { root: root.to_owned(), source })?;
        let server = Server::http(address).map_err(|source| ServeError::Listen { address, source })?;
        Ok(StoreServer { server, root })
    }

    /// Returns the address that it listens on.
    pub fn address(&self) -> Option<SocketAddr> {
        self.server.server_addr().to_ip()
    }

    /// Answers requests until the process ends.
    pub fn run(&self) {
        for request in self.server.incoming_requests() {
            self.serve(request);
        }
    }

    fn serve(&self, request: Request) {
        let response = self.answer(&request);
        // The browser may have closed the connection.
        let _ = request.respond(response);
    }

    fn answer(&self, request: &Request) -> ResponseBox {
        if !matches!(request.method(), Method::Get | Method::Head) {
            return error(405, "the method must be GET or HEAD");
        }
        if !is_local(request) {
            return error(403, "the host must be localhost or a numeric address");
        }
        let path = request.url().split(['?', '#']).next().unwrap_or_default();
        let Some(segments) = segments(path) else { return error(400, "the path is invalid") };
        if segments.is_empty() {
            return match index::render(&self.root) {
                Ok(page) => html(page),
                Err(failure) => error(500, &failure.to_string()),
            };
        }
        match self.resolve(&segments) {
            Some(file) if file.is_dir() && !path.ends_with('/') => moved(&segments),
            Some(directory) if directory.is_dir() => self.listing(&directory),
            Some(file) => match fs::File::open(&file) {
                Ok(open) => with_type(Response::from_file(open), media_type(&file)).boxed(),
                Err(failure) => error(500, &failure.to_string()),
            },
            // Browsers request it with every page.
            None if path == "/favicon.ico" => Response::empty(204).boxed(),
            None => error(404, "there is no such file in the store"),
        }
    }

    /// Returns the file of a path, if it is inside the store.
    fn resolve(&self, segments: &[String]) -> Option<PathBuf> {
        let path = segments.iter().fold(self.root.clone(), |path, segment| path.join(segment));
        path.canonicalize().ok().filter(|resolved| resolved.starts_with(&self.root))
    }

    fn listing(&self, directory: &Path) -> ResponseBox {
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(failure) => return error(500, &failure.to_string()),
        };
        let mut entries: Vec<Entry> = entries.flatten().map(|entry| Entry::of(&entry)).collect();
        entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        let here = directory.strip_prefix(&self.root).unwrap_or(directory).display().to_string();
        let has_report = entries.iter().any(|entry| entry.href == file_names::REPORT);
        let page = Listing { style: STYLE, here: visible(&here, 500), has_report, entries };
        html(page.render().expect("writing to a string does not fail"))
    }
}

/// The page of a directory.
#[derive(Template)]
#[template(path = "listing.html")]
struct Listing {
    style: &'static str,
    here: String,
    has_report: bool,
    entries: Vec<Entry>,
}

struct Entry {
    name: String,
    href: String,
    /// Empty for directories.
    size: String,
}

impl Entry {
    fn of(entry: &fs::DirEntry) -> Entry {
        // `fs::metadata` follows symbolic links, `DirEntry::metadata` does not.
        let data = fs::metadata(entry.path());
        let slash = if data.as_ref().is_ok_and(fs::Metadata::is_dir) { "/" } else { "" };
        let name = entry.file_name();
        Entry {
            name: visible(&name.to_string_lossy(), 500) + slash,
            href: url_segment(name.as_encoded_bytes()) + slash,
            size: data.ok().filter(|data| !data.is_dir()).map_or(String::new(), |data| units::count(data.len())),
        }
    }
}

/// Whether the `Host` header of a request is `localhost` or a numeric address.
fn is_local(request: &Request) -> bool {
    let host = request.headers().iter().find(|header| header.field.equiv("Host")).map(|header| header.value.as_str());
    let name = host.map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name));
    // A request of a page of another site has the name of that site, never a number.
    name.is_some_and(|name| name == "localhost" || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok())
}

/// Returns the decoded segments of a path, or `None` if a segment is not a plain file name.
fn segments(path: &str) -> Option<Vec<String>> {
    let parts = path.strip_prefix('/')?.split('/').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let name = percent_decode_str(part).decode_utf8().ok()?.into_owned();
            let plain = name != "." && name != ".." && !name.contains(['/', '\\', '\0']);
            plain.then_some(name)
        })
        .collect()
}

fn media_type(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        _ => "text/plain; charset=utf-8",
    }
}

fn with_type<R: io::Read>(response: Response<R>, media_type: &str) -> Response<R> {
    let header = |name: &str, value: &str| Header::from_bytes(name, value).expect("constant headers are valid");
    response
        .with_header(header("Content-Type", media_type))
        .with_header(header("X-Content-Type-Options", "nosniff"))
        .with_header(header("Cache-Control", "no-cache"))
}

fn html(page: String) -> ResponseBox {
    with_type(Response::from_string(page), "text/html; charset=utf-8").boxed()
}

fn error(status: u16, message: &str) -> ResponseBox {
    let body = Cursor::new(format!("{message}\n").into_bytes());
    let response = Response::new(status.into(), Vec::new(), body, None, None);
    with_type(response, "text/plain; charset=utf-8").boxed()
}

/// Redirects to the same directory with a final slash, so that its relative links work.
fn moved(segments: &[String]) -> ResponseBox {
    let path: String = segments.iter().map(|segment| format!("/{}", url_segment(segment.as_bytes()))).collect();
    let location = Header::from_bytes("Location", format!("{path}/")).expect("an escaped path is a valid header");
    Response::from_string("").with_status_code(301).with_header(location).boxed()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;
    use crate::report::sample;

    /// Sends a request and returns the whole response.
    fn exchange(server: &StoreServer, request: &str) -> String {
        let mut stream = TcpStream::connect(server.address().unwrap()).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        server.serve(server.server.recv().unwrap());
        // A chunk of the response may end within a character.
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn get(server: &StoreServer, path: &str) -> String {
        exchange(server, &format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:1\r\nConnection: close\r\n\r\n"))
    }

    fn status(answer: &str) -> &str {
        answer.split(' ').nth(1).unwrap_or_default()
    }

    #[test]
    fn only_files_of_the_store_are_served() {
        let outside = std::env::temp_dir().join(format!("maelstrom-serve-{}", std::process::id()));
        let root = outside.join("store");
        let run = root.join("lin-kv/a run");
        fs::create_dir_all(run.join("node-logs")).unwrap();
        fs::write(outside.join("secret"), "secret").unwrap();
        std::os::unix::fs::symlink(&outside, root.join("way-out")).unwrap();
        std::os::unix::fs::symlink("lin-kv/a run", root.join("latest")).unwrap();
        crate::report::write(&sample::stale_read().view(), &run).unwrap();
        fs::write(run.join("node-logs/<b>.log"), "hello").unwrap();
        let server = StoreServer::bind(&root, 0).unwrap();

        assert!(get(&server, "/").contains("href=\"lin-kv/a%20run/report.html\""));
        let report = get(&server, "/lin-kv/a%20run/report.html");
        assert!(report.contains("text/html") && report.contains("not linearizable (key 3)"));
        assert!(get(&server, "/latest/report.txt").contains("text/plain"));
        assert!(get(&server, "/lin-kv").contains("Location: /lin-kv/"));
        let listing = get(&server, "/lin-kv/a%20run/node-logs/");
        assert!(listing.contains("href=\"%3Cb%3E.log\"") && !listing.contains("<b>"), "{listing}");
        for path in [
            "/../secret",
            "/%2e%2e/secret",
            "/way-out/secret",
            "/lin-kv/..%2f..%2fsecret",
            "//etc/passwd",
            "/%00",
            "/%zz",
            "/nothing",
        ] {
            let answer = get(&server, path);
            assert!(["400", "404"].contains(&status(&answer)) && !answer.contains("secret\n"), "{path}: {answer}");
        }
        let foreign = exchange(&server, "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
        assert_eq!(status(&foreign), "403");
        let post =
            exchange(&server, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        assert_eq!(status(&post), "405");

        let address = server.address().unwrap();
        let in_use = StoreServer::bind(&root, address.port()).err().unwrap().to_string();
        assert_eq!(
            in_use,
            format!(
                "cannot listen on {address}: Address already in use (os error 98)\n  \
                 help: if another program uses the port, choose another one with --port"
            )
        );
        let missing = StoreServer::bind(Path::new("/nowhere"), 0).err().unwrap().to_string();
        assert_eq!(
            missing,
            "cannot open the stored runs in `/nowhere`: No such file or directory (os error 2)\n  \
             help: `maelstrom test` stores a run"
        );
        fs::remove_dir_all(&outside).unwrap();
    }
}
