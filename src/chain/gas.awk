# SPDX-License-Identifier: Apache-2.0
# The table of gas in docs/chain.md as a C enum: "push ether, batch of 10, known accounts"
# becomes GAS_PUSH_ETHER_BATCH_OF_10_KNOWN_ACCOUNTS.
BEGIN { FS = " *\\| *"; print "/* Made by src/chain/gas.awk. */\nenum gas {" }
/^<!-- gas:/ { inside = 1 }
/^<!-- \/gas -->/ { inside = 0 }
inside && /^\| / && $3 ~ /^[0-9,]+$/ {
  name = toupper($2)
  gsub(/[^A-Z0-9]+/, "_", name)
  gsub(/,/, "", $3)
  print "  GAS_" name " = " $3 ","
  rows++
}
END {
  print "};"
  if (!rows) {
    print FILENAME ": the table of gas was not found" > "/dev/stderr"
    exit 1
  }
}
