//! `maelstrom serve`: stored runs in a browser, on this machine only.
//!
//! Only files in the store are served: paths are resolved, including links, before they are compared with the store's own.
//! Requests that name another host are refused, because a page of another site could otherwise read the runs through a
//! name of its own that resolves to this machine (DNS rebinding).
//!
//! `tiny_http` speaks HTTP. The routes are our own: there are three kinds of response for one reader, for which a web
//! framework with its async stack would be too much.

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

/// A server that listens, but does not answer yet.
pub struct StoreServer {
    server: Server,
    root: PathBuf,
}

impl StoreServer {
    /// Listens on a port of this machine's loopback interface; port 0 takes any that is free.
    ///
    /// # Errors
    /// A sentence that says what is wrong: the store does not exist, the port is in use.
    pub fn bind(root: &Path, port: u16) -> Result<StoreServer, String> {
        StoreServer::bind_to(root, SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    /// Listens on any address: others can read the runs unless it is one of the loopback interface.
    ///
    /// # Errors
    /// A sentence that says what is wrong: the store does not exist, the port is in use.
    pub fn bind_to(root: &Path, address: SocketAddr) -> Result<StoreServer, String> {
        let root = root.canonicalize().map_err(|error| {
            format!("there are no stored runs in {}: {error}; `maelstrom test` makes some", root.display())
        })?;
        let server = Server::http(address).map_err(|error| {
            format!(
                "cannot listen on {address}: {error}; if another program uses the port, name another one with --port"
            )
        })?;
        Ok(StoreServer { server, root })
    }

    /// Where it listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.server.server_addr().to_ip()
    }

    /// Answers requests until the process ends.
    pub fn run(&self) {
        for request in self.server.incoming_requests() {
            self.serve(request);
        }
    }

    /// Answers one request.
    ///
    /// # Errors
    /// Those of receiving it.
    pub fn run_once(&self) -> io::Result<()> {
        self.serve(self.server.recv()?);
        Ok(())
    }

    fn serve(&self, request: Request) {
        let response = self.answer(&request);
        // A browser that is gone needs no answer.
        let _ = request.respond(response);
    }

    fn answer(&self, request: &Request) -> ResponseBox {
        if !matches!(request.method(), Method::Get | Method::Head) {
            return refusal(405, "only GET and HEAD");
        }
        if !is_local(request) {
            return refusal(403, "this server answers to localhost and numeric addresses only");
        }
        let path = request.url().split(['?', '#']).next().unwrap_or_default();
        let Some(segments) = segments(path) else { return refusal(400, "not a path") };
        if segments.is_empty() {
            return match index::render(&self.root) {
                Ok(page) => page_of(page),
                Err(error) => refusal(500, &error.to_string()),
            };
        }
        match self.resolve(&segments) {
            Some(file) if file.is_dir() && !path.ends_with('/') => moved(&segments),
            Some(directory) if directory.is_dir() => self.listing(&directory),
            Some(file) => match fs::File::open(&file) {
                Ok(open) => with_type(Response::from_file(open), media_type(&file)).boxed(),
                Err(error) => refusal(500, &error.to_string()),
            },
            // Browsers ask for it with every page.
            None if path == "/favicon.ico" => Response::empty(204).boxed(),
            None => refusal(404, "there is no such file in the store"),
        }
    }

    /// The file that a path leads to, if it is inside the store.
    fn resolve(&self, segments: &[String]) -> Option<PathBuf> {
        let path = segments.iter().fold(self.root.clone(), |path, segment| path.join(segment));
        path.canonicalize().ok().filter(|resolved| resolved.starts_with(&self.root))
    }

    fn listing(&self, directory: &Path) -> ResponseBox {
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) => return refusal(500, &error.to_string()),
        };
        let mut entries: Vec<Entry> = entries.flatten().map(|entry| Entry::of(&entry)).collect();
        entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        let here = directory.strip_prefix(&self.root).unwrap_or(directory).display().to_string();
        let has_report = entries.iter().any(|entry| entry.href == file_names::REPORT);
        let page = Listing { style: STYLE, here: visible(&here, 500), has_report, entries };
        page_of(page.render().expect("writing to a string does not fail"))
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
        // Of what a link leads to.
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

/// Whether the request names this machine's loopback interface.
fn is_local(request: &Request) -> bool {
    let host = request.headers().iter().find(|header| header.field.equiv("Host")).map(|header| header.value.as_str());
    let name = host.map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name));
    // A page of another site that has its name point here comes with that name, never with a number.
    name.is_some_and(|name| name == "localhost" || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok())
}

/// The parts of a path, decoded; `None` if one of them is no plain name.
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
    let header = |name: &str, value: &str| Header::from_bytes(name, value).expect("these are headers");
    response
        .with_header(header("Content-Type", media_type))
        .with_header(header("X-Content-Type-Options", "nosniff"))
        .with_header(header("Cache-Control", "no-cache"))
}

fn page_of(page: String) -> ResponseBox {
    with_type(Response::from_string(page), "text/html; charset=utf-8").boxed()
}

fn refusal(status: u16, why: &str) -> ResponseBox {
    let response = Response::new(status.into(), Vec::new(), Cursor::new(format!("{why}\n").into_bytes()), None, None);
    with_type(response, "text/plain; charset=utf-8").boxed()
}

/// The same directory with a slash, so that links in it are relative to it.
fn moved(segments: &[String]) -> ResponseBox {
    let path: String = segments.iter().map(|segment| format!("/{}", url_segment(segment.as_bytes()))).collect();
    let location = Header::from_bytes("Location", format!("{path}/")).expect("an escaped path is a header");
    Response::from_string("").with_status_code(301).with_header(location).boxed()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;
    use crate::report::sample;

    /// Sends a request as it is and returns the whole answer.
    fn exchange(server: &StoreServer, request: &str) -> String {
        let mut stream = TcpStream::connect(server.address().unwrap()).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        server.run_once().unwrap();
        // Chunks of the transfer may end within a character.
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
    fn runs_and_their_files_are_served_and_nothing_else() {
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

        let taken = StoreServer::bind(&root, server.address().unwrap().port()).err().unwrap();
        assert!(taken.contains("--port"), "{taken}");
        assert!(StoreServer::bind(&root.join("none"), 0).err().unwrap().contains("no stored runs"));
        fs::remove_dir_all(&outside).unwrap();
    }
}
