//! One node, the leader, has the database and executes all transactions serially. The other nodes forward transactions to
//! it.
//!
//! The database is not persistent: it survives network faults, but not a kill of the leader.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Message, Node, RPC_TIMEOUT, Result, Server};
use serde_json::json;

use super::isolation::{Bug, Database};
use super::{Op, is_read};

/// The client request timeout of the workloads.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) struct Leader {
    /// The database. On other nodes than the leader: a replica that lags behind, or empty.
    pub(crate) database: Database,
    /// The last request of each client, to ignore duplicates from the network.
    sessions: BTreeMap<String, u64>,
    bug: Option<Bug>,
}

impl Leader {
    pub(crate) fn new(bug: Option<Bug>) -> Leader {
        Leader { database: Database::default(), sessions: BTreeMap::new(), bug }
    }

    fn execute(&mut self, node: &mut Node<Self>, request: Message) -> Result {
        let (client, msg_id): (String, u64) = (request.get("client")?, request.get("number")?);
        let last = self.sessions.entry(client).or_default();
        if self.bug != Some(Bug::RetriesBlindly) && msg_id <= std::mem::replace(last, msg_id.max(*last)) {
            return Ok(()); // a duplicate
        }
        let txn: Vec<Op> = request.get("txn")?;
        match self.bug {
            None | Some(Bug::RetriesBlindly) => {
                let done = self.database.apply(&txn)?;
                node.reply(&request, json!({ "txn": done }));
            }
            Some(bug) => self.execute_with(bug, node, request, txn)?,
        }
        Ok(())
    }

    /// Forwards a transaction to the leader, even if this node is the leader.
    fn forward_to_leader(&mut self, node: &mut Node<Self>, request: Message) -> Result {
        let number: u64 = request.get("msg_id")?;
        let fields = json!({ "client": request.src(), "number": number, "txn": request.get::<Vec<Op>>("txn")? });
        let leader = node.ids()[0].clone();
        let retries = self.bug == Some(Bug::RetriesBlindly);
        let timeout = if retries { RPC_TIMEOUT } else { CLIENT_TIMEOUT };
        node.rpc_within(
            timeout,
            &leader,
            "execute",
            fields,
            move |server: &mut Leader, node, response| match response {
                Err(error) if retries && error.code == 0 => {
                    server.forward_to_leader(node, request).expect("it was well-formed the first time");
                }
                response => node.respond(&request, response.map(|response| response.fields())),
            },
        );
        Ok(())
    }
}

impl Server for Leader {
    fn handle(&mut self, node: &mut Node<Self>, request: Message) -> Result {
        match request.kind() {
            "txn" if self.bug == Some(Bug::StaleReads) && node.index() > 0 => {
                let txn: Vec<Op> = request.get("txn")?;
                if !txn.iter().all(is_read) {
                    return self.forward_to_leader(node, request);
                }
                let done = self.database.apply(&txn)?;
                node.reply(&request, json!({ "txn": done }));
                Ok(())
            }
            "txn" => self.forward_to_leader(node, request),
            "execute" => self.execute(node, request),
            "replicate" => self.replicate(node, &request),
            _ => Err(request.not_supported()),
        }
    }
}
