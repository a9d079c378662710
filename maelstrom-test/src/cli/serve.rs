//! `maelstrom serve`: the stored runs in a browser.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use clap::ArgMatches;

use super::{Done, Stop};
use crate::report::StoreServer;

/// Serves until the process is ended.
pub(super) fn main(matches: &ArgMatches) -> Done {
    let directory: &String = matches.get_one("directory").expect("it has a default");
    let port: u16 = *matches.get_one("port").expect("it has a default");
    let host: IpAddr = *matches.get_one("host").expect("it has a default");
    let server = StoreServer::bind_to(Path::new(directory), SocketAddr::new(host, port)).map_err(Stop::Broke)?;
    if let Some(address) = server.address() {
        println!("the runs in {directory} are at http://{address}/ (Ctrl-C ends this)");
    }
    server.run();
    Ok(0)
}
