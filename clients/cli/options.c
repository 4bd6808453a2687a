/* SPDX-License-Identifier: Apache-2.0
 * The command line: one table of commands, one of options. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/cli.h"
#include "util/text.h"

#define EVERYWHERE " --home --json --help --patience "
#define MEMBER " --server "
#define ROUND                                                                            \
  MEMBER " --yes --minimum --consent --trust-simulated-chain --allow-imported-base "     \
         "--witness --witnesses --rpc "
#define LOG MEMBER " --instance "
#define AUDIT LOG " --threads --rpc "
#define CHAIN LOG " --rpc "
#define KEY " --key --passphrase-file "
#define PROPOSAL "PROPOSAL: its number, or enough of its first digits."
#define ADMIN " --server --token-file "

const struct command commands[] = {
    {"keygen", "", 0, 0, "", "Make this computer's key, your identity.",
     "enroll does it too.", cmd_keygen},
    {"enroll", "LINK", 1, 1, " --name --payout ", "Become a member with an invite.",
     "LINK is the whole invite, in quotes. --name is shown to the administrator.",
     cmd_enroll},
    {"login", "", 0, 0, MEMBER, "Make a link that logs you in to the pages, once.",
     "Open it in your browser within five minutes.", cmd_login},
    {"payout", "[ADDRESS]", 0, 1, MEMBER, "Say where you are paid, or change it.",
     "ADDRESS: 0x and 40 hex digits, or none. It counts after a delay of the chain, so "
     "that\nnobody with a stolen key can redirect your money at once.",
     cmd_payout},
    {"models", "", 0, 0, " --server ", "List the models of the servers you know.", "",
     cmd_models},
    {"participate", "MODEL", 1, 1, ROUND " --data --rounds --until-done ",
     "Take part in the next round, from joining to its result.",
     "Training happens here, on FILE.csv, which never leaves this computer. Stop it at "
     "any\ntime and run it again: it carries on where it was.",
     cmd_participate},
    {"step", "MODEL", 1, 1, ROUND " --data ", "Do what is due now, then exit.",
     "For cron: exits with 10 when nothing is due.", cmd_step},
    {"submit", "MODEL", 1, 1, ROUND " --update --weight --data --base ",
     "Take part with an update that was trained elsewhere.",
     "FILE holds the update, new weights minus base, as float32 numbers or .npy.",
     cmd_submit},
    {"status", "", 0, 0, MEMBER, "Say where things stand and what is waited for.", "",
     cmd_status},
    {"predict", "MODEL", 1, 1, MEMBER " --data --out ", "Predict for the rows of a CSV.",
     "", cmd_predict},
    {"evaluate", "MODEL", 1, 1, MEMBER " --data ",
     "Say how good the model is on the rows of a CSV.", "", cmd_evaluate},
    {"weights", "MODEL", 1, 1, MEMBER " --out ",
     "Fetch the model's weights, checked against the signed result.",
     "float32, little-endian; as .npy when the name ends so.", cmd_weights},
    {"log tail", "", 0, 0, LOG " --follow --from ",
     "Show the newest entries of the public log, each checked.",
     "Works without a membership too: --server names the server, --instance the hash "
     "that\n"
     "its instance must have; without it the first one seen is pinned.",
     cmd_log_tail},
    {"log show", "LEAF-or-HASH", 1, 1, LOG, "Show one entry of the log, checked.", "",
     cmd_log_show},
    {"log prove", "LEAF-or-HASH", 1, 1, LOG, "Prove that an entry is in the log.", "",
     cmd_log_prove},
    {"log consistency", "FROM [TO]", 1, 2, LOG,
     "Prove that the log of TO leaves begins with that of FROM.",
     "Without TO: the newest.", cmd_log_consistency},
    {"log monitor", "", 0, 0, LOG " --once ",
     "Read the whole log as it grows, and shout when it does not hold.",
     "Every entry is read once and the tree made again from them; what was read is "
     "kept.\n"
     "--patience says how long an older log than the known one is put up with.",
     cmd_log_monitor},
    {"log witnesses", "", 0, 0, LOG, "List who cosigns the log, and how far.", "",
     cmd_log_witnesses},
    {"verify", "[MODEL-or-ROUND]", 0, 1, AUDIT " --round --light --all --archive ",
     "Recompute a round from public data, trusting nobody.",
     "MODEL: its newest round, or --round N; ROUND: the context of one attempt, 64 hex "
     "digits.\n"
     "--all: the whole log, then every round. Works without a membership: --server names "
     "the\n"
     "server, --instance the hash that its instance must have.",
     cmd_verify},
    {"export", "MODEL", 1, 1, AUDIT " --out --with-vectors ",
     "Put all that proves a model's rounds into one file.",
     "chorus verify --archive FILE checks it without a network.", cmd_export},
    {"balance", "MODEL", 1, 1, MEMBER, "Say what you have earned, and where it is.", "",
     cmd_balance},
    {"deposit", "MODEL AMOUNT", 2, 2, CHAIN KEY,
     "Put money for a model's rewards into the vault.",
     "AMOUNT: in the smallest unit of the model's currency (of ether: wei).",
     cmd_deposit},
    {"claim", "MODEL", 1, 1, CHAIN KEY " --payout --withdraw ",
     "Fetch from the vault what you have earned.",
     "Says what is due; with --key sends it, and that key's address pays the gas. The "
     "money\n"
     "goes to the address of your membership, or with --payout to whose claim it is.",
     cmd_claim},
    {"proposals", "[MODEL]", 0, 1, CHAIN " --from ",
     "List what is voted on: changes of a model's policy or description.",
     "--from: only those made from this block on.", cmd_proposals},
    {"propose policy", "MODEL", 1, 1,
     CHAIN KEY " --minimum --maximum-rounds --privacy-budget --reward-cap ",
     "Propose another policy for a model.", "What is not named stays as it is.",
     cmd_propose_policy},
    {"propose spec", "MODEL HASH", 2, 2, CHAIN KEY,
     "Propose another description for a model.", "HASH: its SHA-256, 64 hex digits.",
     cmd_propose_spec},
    {"vote", "PROPOSAL for|against|abstain", 2, 2, CHAIN KEY " --from ",
     "Vote with the voice that your address holds.", PROPOSAL, cmd_vote},
    {"queue", "PROPOSAL", 1, 1, CHAIN KEY " --from ",
     "Put an accepted proposal into the timelock.", PROPOSAL, cmd_queue},
    {"execute", "PROPOSAL", 1, 1, CHAIN KEY " --from ",
     "Carry out a proposal whose time in the timelock is over.", PROPOSAL, cmd_execute},
    {"witness", "", 0, 0, LOG " --name --once --interval ",
     "Cosign the log: vouch that it only ever grows.",
     "With your participant's key, or with --name as a witness of that name, whose key "
     "is\n"
     "made here; the administrator registers it once.",
     cmd_witness},
    {"admin payouts", "[STATE]", 0, 1, ADMIN,
     "List what the server sends to the chain, and how far it is.",
     "STATE: waiting, planned, signed, mined, final, refused or held; only those.",
     cmd_admin_payouts},
    {"admin witness add", "VKEY", 1, 1, ADMIN, "Take a witness's cosignatures.", "",
     cmd_admin_witness_add},
    {"admin witness remove", "VKEY", 1, 1, ADMIN, "Take them no more.", "",
     cmd_admin_witness_remove},
    {"admin model create", "SLUG", 1, 1, ADMIN " --spec ", "Describe a new model.", "",
     cmd_admin_create},
    {"admin model version", "SLUG", 1, 1, ADMIN " --spec ",
     "Give a model a new description.", "", cmd_admin_version},
    {"admin model retire", "SLUG", 1, 1, ADMIN " --yes ",
     "Retire a model, for good: no round can be opened any more.", "", cmd_admin_retire},
    {"admin invite", "MODEL", 1, 1, ADMIN " --count --organisation --expires --no-admit ",
     "Make invite links, one a line, each for one organisation.",
     "Each link works once. Send it over a channel you trust.", cmd_admin_invite},
    {"admin open", "MODEL", 1, 1, ADMIN, "Open the next round.", "", cmd_admin_open},
    {"admin cancel", "MODEL", 1, 1, ADMIN, "Cancel the open round.", "",
     cmd_admin_cancel},
    {"admin schedule", "MODEL", 1, 1, ADMIN " --every --rounds --target ",
     "Open rounds by themselves; without --every: stop that.", "", cmd_admin_schedule},
    {"admin holdout", "MODEL", 1, 1, ADMIN " --data ",
     "Give rows on which the server measures each result.", "", cmd_admin_holdout},
    {"admin members", "MODEL", 1, 1, ADMIN, "List the members of a model.", "",
     cmd_admin_members},
    {"admin admit", "MODEL ID", 2, 2, ADMIN, "Admit an enrolled participant.", "",
     cmd_admin_admit},
    {"admin suspend", "MODEL ID", 2, 2, ADMIN, "Suspend a member.", "",
     cmd_admin_suspend},
    {0}};

enum option_kind { OPTION_FLAG, OPTION_TEXT, OPTION_NUMBER, OPTION_VKEY };
struct option_row {
  const char *name, *value, *about;
  enum option_kind kind;
  size_t offset;
  uint64_t least, most;
};

#define AT(member) offsetof(struct options, member)
#define TEXT(n, v, m, a)                                                                 \
  {                                                                                      \
    n, v, a, OPTION_TEXT, AT(m), 0, 0                                                    \
  }
#define NUMBER(n, v, m, lo, hi, a)                                                       \
  {                                                                                      \
    n, v, a, OPTION_NUMBER, AT(m), lo, hi                                                \
  }
#define VKEY(n, a)                                                                       \
  {                                                                                      \
    n, "VKEY", a, OPTION_VKEY, 0, 0, 0                                                   \
  }
#define FLAG(n, m, a)                                                                    \
  {                                                                                      \
    n, "", a, OPTION_FLAG, AT(m), 0, 0                                                   \
  }

static const struct option_row rows[] = {
    TEXT("--name", "NAME", name, "how the administrator shall call you"),
    NUMBER("--round", "N", round, 1, (uint64_t)INT64_MAX, "this round, not the newest"),
    NUMBER("--light", "N", light, 1, 1000000000,
           "only N chunk positions and dealers, drawn at random"),
    FLAG("--all", all, "the whole log and every round"),
    TEXT("--archive", "FILE", archive, "what chorus export wrote, instead of a server"),
    FLAG("--with-vectors", with_vectors, "the masked vectors too"),
    NUMBER("--threads", "N", threads, 1, 64, "else one for each processor"),
    TEXT("--instance", "HASH", instance, "the instance that it must be"),
    NUMBER("--from", "N", from, 0, (uint64_t)INT64_MAX, "where to begin"),
    FLAG("--follow", follow, "go on with what is new"),
    FLAG("--once", once, "look once, then exit"),
    NUMBER("--interval", "SECONDS", interval, 1, 86400, "pause between two cosignatures"),
    TEXT("--payout", "0x...", payout, "address that rewards go to"),
    TEXT("--rpc", "URL[,URL]", rpc,
         "your own Ethereum node; else CHORUS_RPC, or the one named last"),
    TEXT("--key", "FILE", key, "the keystore of an Ethereum key, which pays the gas"),
    TEXT("--passphrase-file", "FILE", passphrase_file,
         "its first line opens the keystore"),
    FLAG("--withdraw", withdraw, "what is owed to your key after a failed payment"),
    NUMBER("--maximum-rounds", "N", maximum_rounds, 1, UINT32_MAX,
           "rounds with a result, over the model's life"),
    NUMBER("--privacy-budget", "N", privacy_budget, 0, (uint64_t)INT64_MAX,
           "of all rounds together, in millionths of epsilon"),
    TEXT("--reward-cap", "AMOUNT", reward_cap,
         "what one round may pay, in the currency's smallest unit"),
    TEXT("--data", "FILE.csv", data, "your rows, with a header line"),
    TEXT("--update", "FILE", update, "the update, float32 or .npy"),
    NUMBER("--weight", "N", weight, 1, UINT64_MAX,
           "its weight, such as the rows behind it"),
    TEXT("--base", "SHA256", base, "refuse any base but this, the one it was trained on"),
    NUMBER("--rounds", "N", rounds, 1, 1000000,
           "so many rounds, failed ones not counted"),
    FLAG("--until-done", until_done, "as long as the model's schedule goes on"),
    FLAG("--yes", yes, "you agree to the model's purpose and consent text"),
    NUMBER("--minimum", "N", minimum, 0, 1000000,
           "least number of organisations in a sum: your own, or the policy's"),
    VKEY("--witness", "one whose cosignature you want to see; may be repeated"),
    NUMBER("--witnesses", "K", witnesses, 0, WITNESSES_MAX,
           "how many of them it must be before you answer; else all"),
    FLAG("--consent", consent, "answer although several sums over one base exist"),
    FLAG("--trust-simulated-chain", trust_simulated, "for tests only"),
    FLAG("--allow-imported-base", allow_import, "take part on imported weights"),
    TEXT("--out", "FILE", out, "where it goes"),
    TEXT("--spec", "FILE", spec, "the model's description, JSON"),
    NUMBER("--count", "N", count, 1, 500, "how many"),
    TEXT("--organisation", "HEX", organisation, "for one more key of this organisation"),
    NUMBER("--expires", "SECONDS", expires, 1, 31536000, "how long they can be used"),
    FLAG("--no-admit", no_admit, "enrolling does not admit: admin admit does"),
    NUMBER("--every", "SECONDS", every, 1, 31536000, "pause between two rounds"),
    TEXT("--target", "DECIMAL", target, "stop at this accuracy, such as 0.95"),
    TEXT("--server", "ADDRESS", server, "the server, when it is not clear which"),
    TEXT("--token-file", "FILE", token_file, "administrator's token; else CHORUS_TOKEN"),
    NUMBER("--patience", "SECONDS", patience, 0, 86400,
           "how long to try again when the server is away"),
    TEXT("--home", "FOLDER", home, "where your key lives; else CHORUS_HOME or ~/.chorus"),
    FLAG("--json", json, "one JSON object a line, for programs"),
    FLAG("--help", help, "this text"),
};

static bool takes(const struct command *c, const char *option)
{
  char padded[64];
  snprintf(padded, sizeof padded, " %s ", option);
  return strstr(c->options, padded) || strstr(EVERYWHERE, padded);
}

void options_help(FILE *to, const struct command *command)
{
  if (!command) {
    fputs("chorus: train one model together; your data stays with you\n\n", to);
    for (const struct command *c = commands; c->name; c++)
      fprintf(to, "  chorus %s%s%-*s %s\n", c->name, *c->words ? " " : "",
              MAX(1, 26 - (int)strlen(c->name) - (*c->words ? 1 : 0)), c->words,
              c->about);
    fputs("\nchorus COMMAND --help says more.\n", to);
    return;
  }
  fprintf(to, "chorus %s %s\n\n%s\n", command->name, command->words, command->about);
  if (*command->more)
    fprintf(to, "%s\n", command->more);
  fputs("\n", to);
  for (size_t i = 0; i < LENGTH(rows); i++)
    if (takes(command, rows[i].name)) {
      char left[64];
      snprintf(left, sizeof left, "%s %s", rows[i].name, rows[i].value);
      fprintf(to, "  %-26s %s\n", left, rows[i].about);
    }
  fputs(
      "\nExits with 0 done, 1 error, 2 usage, 10 nothing due now, 11 round failed,\n"
      "12 the server cheated or an audit found something, 13 your consent is needed,\n"
      "14 server or node not reached, 15 not allowed, 16 the round goes on without you,\n"
      "17 no Ethereum node, another chain, or against its rules.\n",
      to);
}

/* The last argument that the name of this command takes up, when it begins at `first`; 0:
 * it is another. */
static int matches(const struct command *c, int first, int argc, char **argv)
{
  const char *name = c->name;
  for (int i = first; i < argc; i++) {
    size_t len = strcspn(name, " ");
    if (strlen(argv[i]) != len || strncmp(argv[i], name, len) != 0)
      return 0;
    name += len;
    if (!*name)
      return i;
    name++;
  }
  return 0;
}

static enum err read_number(uint64_t *out, const struct option_row *row, const char *text,
                            struct why *why)
{
  char *end;
  errno = 0;
  unsigned long long n = strtoull(text, &end, 10);
  if (!*text || strspn(text, "0123456789") != strlen(text) || *end || errno ||
      n < row->least || n > row->most) {
    if (row->most == UINT64_MAX)
      return why_set(why, E_USAGE, row->name, "must be a whole number, at least %llu",
                     (unsigned long long)row->least);
    return why_set(why, E_USAGE, row->name, "must be a whole number from %llu to %llu",
                   (unsigned long long)row->least, (unsigned long long)row->most);
  }
  *out = n;
  return OK;
}

static const struct option_row *find_row(const char *name, size_t len)
{
  for (size_t i = 0; i < LENGTH(rows); i++)
    if (strlen(rows[i].name) == len && strncmp(rows[i].name, name, len) == 0)
      return &rows[i];
  return NULL;
}

static const struct option_row *row_of(const char *arg)
{
  return find_row(arg, strcspn(arg, "="));
}

/* Options may stand in front of the command too: where it begins. */
static int command_at(int argc, char **argv)
{
  int i = 1;
  while (i < argc && strncmp(argv[i], "--", 2) == 0) {
    const struct option_row *row = row_of(argv[i]);
    i += row && row->kind != OPTION_FLAG && !strchr(argv[i], '=') ? 2 : 1;
  }
  return i;
}

/* Reads argv[*i] (and the value behind it, or behind its "="). */
static enum err read_option(struct options *o, const struct command *c, int argc,
                            char **argv, int *i, struct why *why)
{
  const char *arg = argv[*i], *equals = strchr(arg, '=');
  const struct option_row *row =
      find_row(arg, equals ? (size_t)(equals - arg) : strlen(arg));
  if (!row || !takes(c, row->name))
    return why_set(why, E_USAGE, arg, "is no option of chorus %s", c->name);
  void *at = (char *)o + row->offset;
  if (row->kind == OPTION_FLAG) {
    if (equals)
      return why_set(why, E_USAGE, row->name, "takes no value");
    *(bool *)at = true;
    return OK;
  }
  const char *value = equals ? equals + 1 : *i + 1 < argc ? argv[++*i] : NULL;
  if (!value)
    return why_set(why, E_USAGE, row->name, "needs a value: %s %s", row->name,
                   row->value);
  if (row->offset == AT(rounds))
    o->has_rounds = true;
  if (row->kind == OPTION_VKEY) {
    if (o->vkey_count == LENGTH(o->vkeys))
      return why_set(why, E_USAGE, row->name, "there can be at most %u", WITNESSES_MAX);
    o->vkeys[o->vkey_count++] = value;
    return OK;
  }
  if (row->kind == OPTION_NUMBER)
    return read_number(at, row, value, why);
  *(const char **)at = value;
  return OK;
}

static bool wants_help(int argc, char **argv)
{
  for (int i = 1; i < argc; i++)
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
      return true;
  return false;
}

enum err options_read(struct options *o, const struct command **command, int argc,
                      char **argv, struct why *why)
{
  const struct command *c = commands;
  int used = 0, first = command_at(argc, argv);
  *o = (struct options){.rounds = 1,
                        .count = 1,
                        .interval = 1,
                        .patience = UINT64_MAX,
                        .from = UINT64_MAX,
                        .privacy_budget = UINT64_MAX,
                        .witnesses = UINT64_MAX};
  *command = NULL;
  while (c->name && !(used = matches(c, first, argc, argv)))
    c++;
  o->help = wants_help(argc, argv);
  for (int i = 1; i < argc; i++)
    o->json = o->json || strcmp(argv[i], "--json") == 0; /* errors speak JSON too */
  if (!c->name) {
    if (o->help)
      return OK;
    return why_set(why, E_USAGE, first < argc ? argv[first] : "command",
                   first < argc ? "is no command: chorus --help lists them"
                                : "is missing: chorus --help lists them");
  }
  *command = c;
  if (o->help)
    return OK;
  for (int i = 1; i < argc; i++) {
    if (i == first)
      i = used;
    else if (strncmp(argv[i], "--", 2) == 0)
      TRY(read_option(o, c, argc, argv, &i, why));
    else if (o->word_count >= c->most)
      return why_set(why, E_USAGE, argv[i], "is too much: chorus %s %s", c->name,
                     c->words);
    else
      o->words[o->word_count++] = argv[i];
  }
  if (o->word_count < c->least)
    return why_set(why, E_USAGE, c->words, "is missing: chorus %s %s", c->name, c->words);
  return OK;
}
