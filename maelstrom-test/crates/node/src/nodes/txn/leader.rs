//! One node has the database and carries out all transactions, one after the other; the others pass theirs on to it.
//!
//! Nothing is on disk: it survives what the network does, not the leader's death.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Message, Node, RPC_TIMEOUT, Result, Server};
use serde_json::json;

use super::isolation::{Bug, Database};
use super::{Op, is_read};

/// Clients wait no longer than this.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct Leader {
    /// On the leader the database; on the others a copy that lags behind, if anything.
    pub(crate) database: Database,
    /// The last request of each client: the network may deliver a request twice.
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
            return Ok(()); // a copy
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

    /// Passes a transaction on to the leader, even if that is this node.
    fn ask_leader(&mut self, node: &mut Node<Self>, request: Message) -> Result {
        let number: u64 = request.get("msg_id")?;
        let fields = json!({ "client": request.src(), "number": number, "txn": request.get::<Vec<Op>>("txn")? });
        let leader = node.ids()[0].clone();
        let retries = self.bug == Some(Bug::RetriesBlindly);
        let patience = if retries { RPC_TIMEOUT } else { PATIENCE };
        node.rpc_within(patience, &leader, "execute", fields, move |server: &mut Leader, node, answer| match answer {
            Err(error) if retries && error.code == 0 => {
                server.ask_leader(node, request).expect("it was well-formed the first time");
            }
            answer => node.respond(&request, answer.map(|answer| answer.fields())),
        });
        Ok(())
    }
}

impl Server for Leader {
    fn handle(&mut self, node: &mut Node<Self>, request: Message) -> Result {
        match request.kind() {
            "txn" if self.bug == Some(Bug::StaleReads) && node.index() > 0 => {
                let txn: Vec<Op> = request.get("txn")?;
                if !txn.iter().all(is_read) {
                    return self.ask_leader(node, request);
                }
                let done = self.database.apply(&txn)?;
                node.reply(&request, json!({ "txn": done }));
                Ok(())
            }
            "txn" => self.ask_leader(node, request),
            "execute" => self.execute(node, request),
            "replicate" => self.replicate(node, &request),
            _ => Err(request.not_supported()),
        }
    }
}
