# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""Taking the texts out of a user-data on its host: the script that does it, as coreos-cloudinit and its YAML would.

How coreos-cloudinit 0.10 to 1.14 reads a text is told by the comments.
"""

from __future__ import annotations

import re
import typing as t

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.skeleton import Text

# What stands behind each text's key, as one letter and what belongs to it: B a block's header, P plain, S and D what
# was in single and double quotes, N nothing, X why it cannot be read. I is the indentation of a block, M says that
# what is above it goes on.
_HEADS_SED = r"""
@LINES@
d
:indent
s/[^ ].*//
s/^/I/
p
d
:rest
/[^[:blank:]]/{
  s/.*/M/
  p
}
d
:head
s/^ *\(-  *\)*["']\{0,1\}[A-Za-z_-]*["']\{0,1\}[[:blank:]]*:[[:blank:]]*//
s/^&[^[:blank:]][^[:blank:]]*[[:blank:]]*//
t clear
:clear
s/^!!binary[[:blank:]][[:blank:]]*\([|>][-+0-9]*\)\([[:blank:]].*\)\{0,1\}$/B\1b/
t tell
s/^\([|>][-+0-9]*\)\([[:blank:]].*\)\{0,1\}$/B\1/
t tell
/^"/{
  s/^"\(\([^"\\]\|\\[nt"\\]\)*\)"[[:blank:]]*\([[:blank:]]#.*\)\{0,1\}$/D\1/
  t escapes
  s/.*/Xit is in double quotes, and has escapes that are not read or goes on in the next line/
  b tell
}
/^'/{
  s/^'\(\([^']\|''\)*\)'[[:blank:]]*\([[:blank:]]#.*\)\{0,1\}$/S\1/
  t quotes
  s/.*/Xit is in single quotes that do not end in its line/
  b tell
}
s/^\*.*/Xit is an alias/
t tell
s/^!.*/Xit has a tag/
t tell
s/^[[{].*/Xit is no text/
t tell
s/^#.*//
s/[[:blank:]][[:blank:]]*#.*//
s/[[:blank:]]*$//
t plain
:plain
s/^\(~\|null\|Null\|NULL\|\)$/N/
t tell
s/^[]"'&*!|>%@`},].*/Xit is no plain text/
s/^[-?:]\([[:blank:]].*\)\{0,1\}$/Xit is no plain text/
s/.*:\([[:blank:]].*\)\{0,1\}$/Xit is no plain text/
t tell
s/^/P/
:tell
p
d
:escapes
s/\\"/\\0042/g
b tell
:quotes
s/''/'/g
b tell
"""

TEXTS_SH = r"""
LINE='
'
TAB=$(printf '\t')
DOUBTS=

# What coreos-cloudinit puts in place of its variables, before it parses anything: what is in its unit's environment.
# One that begins where the one before it ends stays, as its regular expression has it.
addresses() {
  PUBLIC_IPV4=
  PRIVATE_IPV4=
  PUBLIC_IPV6=
  PRIVATE_IPV6=
  if [ -n "$ENVIRONMENT" ] && [ -f "$ENVIRONMENT" ]; then
    while IFS= read -r ROW || [ -n "$ROW" ]; do
      VALUE=${ROW#*=}
      VALUE=${VALUE#[\"\']}
      VALUE=${VALUE%[\"\']}
      case $VALUE in
        *[!0-9A-Za-z.:_-]*) continue ;;
      esac
      case $ROW in
        COREOS_PUBLIC_IPV4=*) PUBLIC_IPV4=$VALUE ;;
        COREOS_PRIVATE_IPV4=*) PRIVATE_IPV4=$VALUE ;;
        COREOS_PUBLIC_IPV6=*) PUBLIC_IPV6=$VALUE ;;
        COREOS_PRIVATE_IPV6=*) PRIVATE_IPV6=$VALUE ;;
      esac
    done <"$ENVIRONMENT"
  fi
  SUBSTITUTE='s/\r$//
/_ipv[46]/{'
  for PAIR in "public_ipv4 $PUBLIC_IPV4" "private_ipv4 $PRIVATE_IPV4" "public_ipv6 $PUBLIC_IPV6" \
    "private_ipv6 $PRIVATE_IPV6"; do
    WORD=${PAIR%% *}
    SUBSTITUTE="$SUBSTITUTE
s/\([^\\]\|^\)\\\$$WORD/\1${PAIR#* }/g
s/\\\\\\\$$WORD/\$$WORD/g"
  done
  SUBSTITUTE="$SUBSTITUTE
}"
}

doubt() {
  DOUBTS="$DOUBTS$TEXT $1$LINE"
}

# What is to become of the text that HEAD begins.
place_text() {
  case $HEAD in
    B*) place_block ;;
    [PS]*) printf '%s' "${HEAD#?}" >"$TEXT" || return ;;
    D*) printf '%b' "${HEAD#?}" >"$TEXT" || return ;;
    N*) : >"$TEXT" ;;
    X*)
      doubt "${HEAD#?}"
      return
      ;;
    *)
      doubt 'it is not what it was when it was looked at'
      return
      ;;
  esac
  [ "$ENCODING" = none ] || LATER="$LATER$TEXT $ENCODING$LINE"
}

place_block() {
  HEAD=${HEAD#B}
  case $HEAD in
    *b)
      HEAD=${HEAD%b}
      LATER="$LATER$TEXT base64$LINE"
      ;;
  esac
  STYLE=${HEAD%"${HEAD#?}"}
  HEAD=${HEAD#?}
  CHOMP=clip
  case $HEAD in
    *-*) CHOMP='strip' ;;
    *+*) CHOMP=keep ;;
  esac
  SPACES=$INDENTATION
  case $HEAD in
    [1-9] | [1-9][-+] | [-+][1-9])
      HEAD=${HEAD#[-+]}
      SPACES=$(printf "%$((PARENT + ${HEAD%[-+]}))s" '')
      ;;
    '' | [-+]) ;;
    *) SPACES= ;;
  esac
  if [ "$FIRST" -gt 0 ] && [ "${#SPACES}" -le "$PARENT" ]; then
    doubt 'its indentation is not what it was when it was looked at'
    return
  fi
  # of a block of empty lines, the longest tells the indentation
  [ -n "$SPACES" ] || SPACES=' *'
  # what is indented less than the text, such as a comment, ends it; a longer line of blanks belongs to it
  BLOCKS="$BLOCKS
$((KEY + 1)),$LAST{
/^$SPACES/!{
/[^ ]/{
:end$TEXT
${LAST}b
n
b end$TEXT
}
s/.*//
}
s/^$SPACES//"
  if [ "$CHOMP" != keep ]; then
    # empty lines wait in the hold space for a further line of text
    BLOCKS="$BLOCKS
$((KEY + 1)){
x
s/.*//
x
}
/^\$/{
H
b
}
x
/^\n/{
s/^\n//
w $TEXT
}
s/.*//
x"
  fi
  BLOCKS="$BLOCKS
w $TEXT
b
}"
  WAITING=$((WAITING + 1))
  case $STYLE$CHOMP in
    '>'*) LATER="$TEXT fold-$CHOMP$LINE$LATER" ;;
    *strip) STRIPPED="$STRIPPED $TEXT" ;;
  esac
}

# fold CHOMP: the lines of a folded block on standard input, as YAML folds them
fold() {
  BREAKS=
  BEFORE=
  while IFS= read -r ROW || [ -n "$ROW" ]; do
    if [ -z "$ROW" ]; then
      BREAKS=$BREAKS$LINE
      continue
    fi
    NOW=text
    case $ROW in
      ' '* | "$TAB"*) NOW='more' ;;
    esac
    case $BEFORE$NOW$BREAKS in
      text | more) printf '%s' "$ROW" ;;
      texttext) printf ' %s' "$ROW" ;;
      texttext* | text"$LINE"* | more"$LINE"*) printf '%s%s' "$BREAKS" "$ROW" ;;
      *) printf '\n%s%s' "$BREAKS" "$ROW" ;;
    esac
    BEFORE=$NOW
    BREAKS=
  done
  if [ "$1" != strip ] && [ -n "$BEFORE" ] && [ "$ENDS" = yes ]; then
    printf '\n'
  fi
  printf '%s' "$BREAKS"
}

# later TEXT HOW: one step from the text to the content; the last one's result has the text's name and a dot for each
later() {
  TEXT=$1
  FROM=$TEXT
  while [ -e "$FROM." ]; do
    FROM=$FROM.
  done
  case $2 in
    fold-*)
      ENDS=yes
      [ -z "$(tail -c 1 "$FROM")" ] || ENDS=no
      fold "${2#fold-}" <"$FROM" >"$FROM."
      ;;
    b64 | base64) decode base64 -d ;;
    gz | gzip) decode gzip -d ;;
    gz+b64 | gz+base64 | gzip+b64 | gzip+base64)
      decode base64 -d
      FROM=$FROM.
      [ "$STATUS" -ne 0 ] || decode gzip -d
      ;;
    *) doubt 'its encoding is none that coreos-cloudinit knows' ;;
  esac
}

decode() {
  # what is small here can be large there
  (
    ulimit -f "$BLOCK_LIMIT"
    timeout -k 1 "$LIMIT" "$@" <"$FROM" >"$FROM." || exit 1
  ) 2>/dev/null
  STATUS=$?
  [ "$STATUS" -eq 0 ] || doubt 'its encoding cannot be undone'
}

# The texts of BLOCKS, into files that are named after their numbers.
take_out() {
  printf '%s\n' "$SUBSTITUTE" "$BLOCKS" >script && timeout -k 1 "$LIMIT" sed -n -f script "$FILE" || return
  BLOCKS=
  WAITING=0
  # the user-data's last line may have no line break that could be stripped
  if [ -n "$STRIPPED" ] && [ -n "$(tail -c 1 "$FILE")" ]; then
    LEFT=
    for WORD in $STRIPPED; do
      [ -n "$(tail -c 1 "$WORD")" ] || LEFT="$LEFT $WORD"
    done
    STRIPPED=$LEFT
  fi
  if [ -n "$STRIPPED" ]; then
    # shellcheck disable=SC2086 # numbers are a list of words
    timeout -k 1 "$LIMIT" truncate -s -1 $STRIPPED || return
    STRIPPED=
  fi
}

extract() {
  addresses
  printf '%s\n' "$SUBSTITUTE" "$HEADS" >script && printf '%s\n' "$TEXTS" >texts &&
    timeout -k 1 "$LIMIT" sed -n -f script "$FILE" >heads || return
  TEXT=0
  HEAD=
  BLOCKS=
  WAITING=0
  LATER=
  STRIPPED=
  exec 3<heads 4<texts
  while IFS= read -r ROW <&3 || [ -n "$ROW" ]; do
    case $ROW in
      I*)
        # a line of blanks before the text counts too
        ROW=${ROW#I}
        [ "${#ROW}" -le "${#INDENTATION}" ] || INDENTATION=$ROW
        ;;
      M) HEAD='Xit goes on in the next line' ;;
      *)
        [ "$TEXT" -eq 0 ] || place_text || return
        # each of them is a file that sed holds open
        [ "$WAITING" -lt 200 ] || take_out || return
        TEXT=$((TEXT + 1))
        HEAD=$ROW
        INDENTATION=
        read -r KEY FIRST LAST PARENT ENCODING <&4 || return
        ;;
    esac
  done
  [ "$TEXT" -eq 0 ] || place_text || return
  if read -r KEY REST <&4; then
    # there are fewer lines than when it was looked at
    return 1
  fi
  exec 3<&- 4<&-
  [ "$WAITING" -eq 0 ] || take_out || return
  while read -r TEXT HOW; do
    [ -z "$TEXT" ] || later "$TEXT" "$HOW"
  done <<END || return
$LATER
END
}
"""
"""For a script: `extract` takes the texts of `TEXTS` out of `FILE` into files of the working directory.

A text's file has its number for a name, and a dot more for each step to its content; one that could not be taken out
has none, but a line in `DOUBTS`. Reads `HEADS`, `TEXTS`, `ENVIRONMENT`, `LIMIT` (seconds) and `BLOCK_LIMIT` (of 512
bytes).
"""


def text_variables(texts: t.Sequence[tuple[Text, str]]) -> dict[str, str]:
    """Return `HEADS` and `TEXTS` for texts in the order of their lines, each with its encoding or an empty text."""
    addresses = []
    for text, _encoding in texts:
        addresses.append(f"{text.key}b head")
        if text.block and text.first:
            addresses.append(f"{text.key + 1},{text.first}b indent")
        elif not text.block and text.last > text.key:
            addresses.append(f"{text.key + 1},{text.last}b rest")
    rows = [f"{text.key} {text.first} {text.last} {text.indent} {_word(encoding)}" for text, encoding in texts]
    return {"HEADS": _HEADS_SED.replace("@LINES@", "\n".join(addresses)), "TEXTS": "\n".join(rows)}


def _word(encoding: str) -> str:
    if not encoding:
        return "none"
    return encoding if re.match(r"[a-z0-9+]+\Z", encoding) else "unknown"
