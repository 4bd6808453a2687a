/* SPDX-License-Identifier: Apache-2.0
 * What reverts say, in words. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "chain/abi.h"
#include "util/text.h"

/* The custom errors of our contracts and of OpenZeppelin's below them; those not here are
 * shown by their selector. All arguments are single words. */
static const char *const errors[] = {
    "AccessControlBadConfirmation()",
    "AccessControlUnauthorizedAccount(address,bytes32)",
    "AlreadyAnchored(bytes32)",
    "AlreadyMinted(bytes32,uint64,uint64)",
    "AlreadyPaid(bytes32)",
    "AlreadyRegistered(bytes32)",
    "BelowMinimum(uint32,uint32)",
    "CheckpointUnorderedInsertion()",
    "ECDSAInvalidSignature()",
    "ECDSAInvalidSignatureLength(uint256)",
    "ECDSAInvalidSignatureS(bytes32)",
    "ERC20ExceededSafeSupply(uint256,uint256)",
    "ERC20InsufficientAllowance(address,uint256,uint256)",
    "ERC20InsufficientBalance(address,uint256,uint256)",
    "ERC20InvalidApprover(address)",
    "ERC20InvalidReceiver(address)",
    "ERC20InvalidSender(address)",
    "ERC20InvalidSpender(address)",
    "ERC5805FutureLookup(uint256,uint48)",
    "ERC6372InconsistentClock()",
    "EnforcedPause()",
    "ExpectedPause()",
    "FailedCall()",
    "GovernorAlreadyCastVote(address)",
    "GovernorAlreadyQueuedProposal(uint256)",
    "GovernorDisabledDeposit()",
    "GovernorInsufficientProposerVotes(address,uint256,uint256)",
    "GovernorInvalidProposalLength(uint256,uint256,uint256)",
    "GovernorInvalidQuorumFraction(uint256,uint256)",
    "GovernorInvalidSignature(address)",
    "GovernorInvalidVoteParams()",
    "GovernorInvalidVoteType()",
    "GovernorInvalidVotingPeriod(uint256)",
    "GovernorNonexistentProposal(uint256)",
    "GovernorOnlyExecutor(address)",
    "GovernorProposalQueueingFailed(uint256)",
    "GovernorProposalQueueingNotRequired(uint256)",
    "GovernorRestrictedProposer(address)",
    "GovernorUnableToCancel(uint256,address)",
    "GovernorUnexpectedProposalState(uint256,uint8,bytes32)",
    "InvalidAccountNonce(address,uint256)",
    "InvalidShortString()",
    "IsRevoked(bytes32,uint64)",
    "LengthMismatch(uint256,uint256)",
    "LogShrank(uint64,uint64)",
    "MinimumTooLow(uint32,uint32)",
    "NoResult(bytes32,uint64)",
    "NoSurvivors(bytes32,uint64,uint64)",
    "NotAToken(address)",
    "NotAttested(address,address)",
    "NotEnoughFunds(uint256,uint256)",
    "NotEnoughGas(uint256,uint256)",
    "NotGuardian(address)",
    "NotInTree(bytes32,bytes32)",
    "NotOwner(address)",
    "NotRelayer(address)",
    "NotTaken(address,uint256)",
    "NotTransferable()",
    "NothingArrived()",
    "NothingOwed(address,address)",
    "NothingToClaim(uint256,uint256)",
    "OverBudget(uint256,uint256)",
    "OverBudget(uint256,uint256,uint256)",
    "OverRewardCap(uint256,uint256)",
    "PrivacyUsedUp(uint64,uint64,uint64)",
    "ReentrancyGuardReentrantCall()",
    "RoundNotNew(uint64,uint64)",
    "RoundsUsedUp(uint64,uint32)",
    "SafeCastOverflowedUintDowncast(uint8,uint256)",
    "SafeERC20FailedOperation(address)",
    "TimelockInsufficientDelay(uint256,uint256)",
    "TimelockInvalidOperationLength(uint256,uint256,uint256)",
    "TimelockUnauthorizedCaller(address)",
    "TimelockUnexecutedPredecessor(bytes32)",
    "TimelockUnexpectedOperationState(bytes32,bytes32)",
    "TooEarly(uint256,uint256)",
    "TooFewOrganisations(uint256,uint256)",
    "UnknownModel(bytes32)",
    "VotesExpiredSignature(uint256)",
    "WrongPlace(address,address)",
    "WrongSpec(bytes32,bytes32)",
    "WrongValue(uint256,uint256)",
    "ZeroAddress()",
    "ZeroHash()",
};

static bool is_selector(struct bytes data, const char *signature)
{
  struct word hash;
  keccak256_text(&hash, signature);
  return data.len >= 4 && memcmp(hash.b, data.data, 4) == 0;
}

/* One argument of type `type` ("uint256,…"): the text of a word. */
static void say_word(struct buf *out, const char *type, const struct word *w)
{
  struct address a;
  char text[WORD_DIGITS + 1];
  if (strncmp(type, "address", 7) == 0 && word_address(&a, w) == OK)
    (void)!buf_puts(out, address_text(text, &a));
  else if (strncmp(type, "uint", 4) == 0)
    (void)!buf_puts(out, word_text(text, w));
  else
    (void)!buf_printf(out, "0x%s", hex_encode(text, w->b, sizeof w->b));
}

/* "BelowMinimum(4, 5)"; false when data has not exactly the words that it should. */
static bool say_error(struct buf *out, const char *signature, struct bytes data)
{
  const char *type = strchr(signature, '(') + 1;
  size_t words = 0;
  for (const char *p = type; *p != ')'; p++)
    words += p == type || *p == ',';
  if (data.len != 4 + words * sizeof(struct word))
    return false;
  (void)!buf_put(out, signature, (size_t)(type - signature));
  for (size_t i = 0; i < words; i++) {
    struct word w = word_of_bytes(data.data + 4 + i * sizeof w, sizeof w);
    (void)!buf_puts(out, i ? ", " : "");
    say_word(out, type, &w);
    type += strcspn(type, ",)") + 1;
  }
  (void)!buf_puts(out, ")");
  return true;
}

/* Error(string): its text, when it is where it should be. */
static bool find_text(struct bytes data, struct bytes *out)
{
  struct word w;
  uint64_t place, len;
  if (data.len < 4 + 2 * sizeof w)
    return false;
  data = BYTES(data.data + 4, data.len - 4);
  w = word_of_bytes(data.data, sizeof w);
  if (word_u64(&place, &w) != OK || place > data.len - sizeof w)
    return false;
  w = word_of_bytes(data.data + place, sizeof w);
  if (word_u64(&len, &w) != OK || len > data.len - sizeof w - place)
    return false;
  *out = BYTES(data.data + place + sizeof w, len);
  return true;
}

/* What the compiler checks by itself, by the code of Panic(uint256). */
static const char *panic_text(struct bytes data)
{
  static const struct {
    uint8_t code;
    const char *text;
  } panics[] = {{0x01, "an assertion of the contract failed"},
                {0x11, "arithmetic overflow in the contract"},
                {0x12, "division by zero in the contract"},
                {0x21, "a value outside its enumeration"},
                {0x32, "an index beyond the end of an array"},
                {0x41, "too much memory asked for in the contract"}};
  if (data.len == 4 + sizeof(struct word) && sodium_is_zero(data.data + 4, 31))
    for (size_t i = 0; i < LENGTH(panics); i++)
      if (data.data[35] == panics[i].code)
        return panics[i].text;
  return "a check of the compiler failed in the contract";
}

void abi_revert_text(char *out, size_t room, struct bytes data)
{
  AUTO(buf_done) struct buf text = {.max = room - 1};
  struct bytes said;
  char selector[9];
  if (data.len == 0) {
    (void)!buf_puts(&text, "no reason");
  } else if (is_selector(data, "Error(string)") && find_text(data, &said)) {
    text_clean(out, room, said);
    return;
  } else if (is_selector(data, "Panic(uint256)")) {
    (void)!buf_puts(&text, panic_text(data));
  } else {
    size_t i = 0;
    while (i < LENGTH(errors) &&
           !(is_selector(data, errors[i]) && say_error(&text, errors[i], data)))
      i++;
    if (i == LENGTH(errors))
      (void)!buf_printf(&text, "an error that is not known here: 0x%s",
                        hex_encode(selector, data.data, MIN(data.len, (size_t)4)));
  }
  snprintf(out, room, "%s", buf_text(&text));
}
