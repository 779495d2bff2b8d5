//! How much an Authenticator keeps, for fuzzing.

use super::Authenticator;
use crate::dot16::node::held::Held;

/// Values of an AK sequence number.
const SEQUENCE_NUMBERS: usize = 16;

impl Authenticator {
    /// Everything that grows in it.
    #[must_use]
    pub fn held(&self) -> Vec<Held> {
        let (mobiles, bases) = (self.mobiles.len(), self.directory.base_stations.len());
        let mut held = vec![
            Held::new("authentications", self.sessions.len(), mobiles * bases * 2),
            Held::new("tunnels", self.tunnels_up.len(), mobiles * bases),
        ];
        held.extend(self.backbone.held());
        for mobile in self.mobiles.values() {
            held.push(Held::new("tunnels of a mobile", mobile.tunnels.len(), bases));
            held.push(Held::new("holders to tell", mobile.former.len(), bases * SEQUENCE_NUMBERS));
            held.push(Held::new("holders", mobile.keys.holders().count(), bases));
        }
        held
    }
}
