// SPDX-License-Identifier: Apache-2.0
// The types of events that participants sign; the coordinator signs all others (docs/protocol.md).
export const ofParticipants = ['enroll', 'payout', 'join', 'share', 'update', 'unmask']
