//! `maelstrom serve`: serves the stored runs to a browser.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::ArgMatches;

use super::{CliError, CliResult, store};
use crate::report::StoreServer;

/// Serves until the process is killed.
pub(super) fn main(matches: &ArgMatches) -> CliResult {
    let directory = matches.get_one::<String>("directory").map_or_else(store::directory, PathBuf::from);
    let port: u16 = *matches.get_one("port").expect("the flag has a default");
    let host: IpAddr = *matches.get_one("host").expect("the flag has a default");
    let server = StoreServer::bind_to(&directory, SocketAddr::new(host, port))
        .map_err(|error| CliError::Failed(error.to_string()))?;
    if let Some(address) = server.address() {
        println!("serving the runs in {} at http://{address}/ (press Ctrl-C to stop)", directory.display());
    }
    server.run();
    Ok(0)
}
