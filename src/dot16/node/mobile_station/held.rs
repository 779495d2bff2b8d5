//! How much a mobile station keeps, for fuzzing.

use super::MobileStation;
use super::data::{MANAGEMENT, QUEUE};
use crate::dot16::node::held::Held;

/// Service flows that a message can name.
const FLOWS: usize = 255;

impl MobileStation {
    /// Everything that grows in it.
    #[must_use]
    pub fn held(&self) -> Vec<Held> {
        // The BS that is being left, and every BS that may be entered: under T_M and under M.
        let contexts = (self.settings.ports.bsids().len() + 1) * 2;
        vec![
            Held::new("management PDUs", self.management.len(), MANAGEMENT),
            Held::new("user packets", self.packets.len(), QUEUE),
            Held::new("fragmenters", self.fragmenters.len(), 2 * FLOWS),
            Held::new("reassemblers", self.reassemblers.len(), 2 * FLOWS),
            Held::new("contexts", self.keys.held().count(), contexts),
            Held::new("AKs", self.keys.aks().count(), contexts),
            Held::new("neighbours", self.neighbours.len(), 255),
            Held::new("flows", self.flows.len(), FLOWS),
        ]
    }
}
