//! `maelstrom serve`: the stored runs in a browser.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::ArgMatches;

use super::{Done, Stop, store};
use crate::report::StoreServer;

/// Serves until the process is ended.
pub(super) fn main(matches: &ArgMatches) -> Done {
    let directory = matches.get_one::<String>("directory").map_or_else(store::folder, PathBuf::from);
    let port: u16 = *matches.get_one("port").expect("it has a default");
    let host: IpAddr = *matches.get_one("host").expect("it has a default");
    let server = StoreServer::bind_to(&directory, SocketAddr::new(host, port))
        .map_err(|error| Stop::Broke(error.to_string()))?;
    if let Some(address) = server.address() {
        println!("the runs in {} are at http://{address}/ (Ctrl-C ends this)", directory.display());
    }
    server.run();
    Ok(0)
}
