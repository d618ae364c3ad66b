"""core/keys"""

from __future__ import annotations

from adapters.jose.making import SealedKeyMaker
from adapters.jose.sealing import Sealer
from core.keys.rotate import ListKeys, MaintainKeys, ResealKeys, RetireKey, RotateKeys
from tests.unit.house.clients import Clients


class Keys(Clients):
    @property
    def maintain_keys(self) -> MaintainKeys:
        maker = SealedKeyMaker(self.sealer)
        return MaintainKeys(self.signing_keys, maker, self.clock, self.key_policy, self.audit)

    @property
    def rotate_keys(self) -> RotateKeys:
        return RotateKeys(self.signing_keys, self.maintain_keys, self.clock, self.key_policy, self.audit)

    @property
    def retire_key(self) -> RetireKey:
        return RetireKey(self.signing_keys, self.maintain_keys, self.clock, self.audit)

    @property
    def list_keys(self) -> ListKeys:
        return ListKeys(self.signing_keys, self.clock, self.key_policy)

    def reseal_keys(self, sealer: Sealer) -> ResealKeys:
        return ResealKeys(self.signing_keys, self.sealed_secrets, sealer, self.audit)
