//! How much a base station keeps, for fuzzing.

use super::data::{KEPT, MANAGEMENT, QUEUE};
use super::entrance::ENTRANCES;
use super::registration::WAITING_FOR_PATH;
use super::{BaseStation, Mobile, RETIRED};
use crate::dot16::identifiers::Cid;
use crate::dot16::node::held::Held;

/// Contexts of one mobile: that in use, those retained, and one below.
const IN_USE: usize = 2;
/// CIDs of one connection.
const CIDS: usize = 2 + Mobile::FLOWS;

impl BaseStation {
    /// Everything that grows in it.
    #[must_use]
    pub fn held(&self) -> Vec<Held> {
        let links = self.settings.ports.macs().len();
        let connections = links * (RETIRED + 2) + ENTRANCES;
        let mut held = vec![
            Held::new("mobiles", self.mobiles.len(), links),
            Held::new("entrances", self.entrances.len(), ENTRANCES),
            Held::new("contexts to retain", self.retained.len(), self.settings.retained_contexts),
            Held::new("CIDs in use", self.by_cid.len(), connections * CIDS),
            Held::new("tunnels", self.by_tunnel.len(), 2 * links),
        ];
        held.extend(self.backbone.held());
        held.extend(self.mobiles.values().flat_map(|mobile| mobile.held(self.settings.retained_contexts)));
        held
    }
}

impl Mobile {
    fn held(&self, retained: usize) -> Vec<Held> {
        vec![
            Held::new("SDUs", self.queue.len(), QUEUE + KEPT),
            Held::new("SDUs sent and kept", self.kept.len(), KEPT),
            Held::new("management PDUs", self.management.len(), MANAGEMENT),
            Held::new("retired connections", self.retired.len(), RETIRED),
            Held::new("flows", self.flows.len(), Mobile::FLOWS),
            Held::new("fragmenters", self.fragmenters.len(), Mobile::FLOWS),
            Held::new("reassemblers", self.reassemblers.len(), Mobile::FLOWS),
            Held::new("answered Key-Requests", self.answered.len(), Mobile::FLOWS),
            Held::new("halted flows", self.halted.len(), Mobile::FLOWS),
            Held::new("packets waiting for a path", self.waits_for_path.len(), WAITING_FOR_PATH),
            Held::new("sources of packets", self.came.len(), usize::from(Cid::BASIC_MAX)),
            Held::new(
                "contexts of a mobile",
                self.keys.as_ref().map_or(0, |keys| keys.retained().count()),
                retained + IN_USE,
            ),
        ]
    }
}
