#!/usr/bin/env bash
# A client of polled image APIs with bash, curl and jq: submit, poll, download, tell what came of it.
#
# The job and the place of the answer stand in the environment, as `imageproof verify client` gives them. All polls of a
# task are one curl (7.84 or newer), which keeps its connection: before each poll it reads from a pipe, and so waits until
# the shell opens that.
set -uo pipefail

provider=$(jq -r .provider "$IMAGEPROOF_JOB")
case $provider in # where things stand at one provider, and how it wants to be polled; times are in milliseconds
  reapi) poll_path=/api/v1/tasks/ results='.output.image_urls[]?' first=30000 patience=600000 ;;
  toapis) poll_path=/v1/images/generations/ results='.result.data[]? | .url // .b64_json' first=5000 patience=300000 ;;
  xingchaoyiqing) poll_path=/v1/result/ results='.image_url' first=2000 patience=300000 ;;
  *) poll_path='' ;;
esac
every() { # from one poll to the next, by the age of the task
  case $provider in
    reapi) if (($1 < 180000)); then wait_ms=4000; else wait_ms=12000; fi ;;
    toapis) wait_ms=$((6000 + jitter)) ;;
    *) wait_ms=3000 ;;
  esac
}
submit_limit=300000 poll_limit=30000 download_limit=120000 # milliseconds that an answer may take
least_limit=3000 least_submit_limit=10000                  # real ones: a scaled clock makes no machine faster
tries=5
jitter=$((RANDOM % 2000)) # so that many clients do not poll in step
not_yet=10000 # so long after a submit a task may be unknown to the server that is polled

folder=$(mktemp -d)
polls='' # the process of the curl that polls
trap 'kill -KILL $polls 2>/dev/null; rm -rf "$folder"' EXIT
scale=$(jq -n "${IMAGEPROOF_TIME_SCALE:-1} * 1000 | floor") # divides all waits; 1000 outside of tests
task='' request_ids='[]'
hollow=0 # answers that tell the end and nothing else

now() { now_ms=$((${EPOCHREALTIME//[.,]/} * scale / 1000000)); }
backoff() { # 1, 2, 4 ... s with jitter
  local step=$(($1 < 4 ? $1 : 4))
  backoff_ms=$(((1000 << step) * (100 + RANDOM % 25) / 100))
}
longest() { # of some times
  local ms
  longest_ms=$1
  for ms; do longest_ms=$((ms > longest_ms ? ms : longest_ms)); done
}
exec {nothing}<> <(:)
pause() { # so many milliseconds since the last answer, or since now
  local real
  now
  real=$((($1 - now_ms + ${2:-$now_ms}) * 1000 / scale))
  if ((real > 0)); then read -rt "$((real / 1000)).$(printf %03d $((real % 1000)))" -u "$nothing"; fi
}

finish() { # outcome, images, kind, code, message: write the answer and end
  jq -n --arg outcome "$1" --argjson images "$2" --arg kind "${3-}" --arg code "${4-}" --arg message "${5-}" \
    --arg task "$task" --argjson ids "$request_ids" '{outcome: $outcome, request_ids: $ids}
      + (if $outcome == "done" then {images: $images} else {} end)
      + (if $outcome == "failed" then {error: {kind: $kind, code: $code, message: $message}} else {} end)
      + (if $task != "" then {task_id: $task} else {} end)' >"$IMAGEPROOF_RESULT"
  case $1 in done) exit 0 ;; failed) exit 2 ;; *) exit 64 ;; esac
}
fail() { finish failed '[]' "$@"; }

call() { # limit, curl's options ...: one request; status is 000 when no whole answer came, refused when nobody listens
  local limit least=$least_limit
  if (($1 == submit_limit)); then least=$least_submit_limit; fi
  limit=$(($1 * 1000 / scale > least ? $1 * 1000 / scale : least)) # real ones
  shift
  : >"$folder/body"
  take < <(curl --silent --compressed --max-time "$((limit / 1000)).$(printf %03d $((limit % 1000)))" \
    --output "$folder/body" --write-out "$TOLD" "$@" 2>&1)
}
TOLD='%{stderr}%{exitcode}|%{http_code}|%header{retry-after}|%header{date}|%header{x-request-id}\n'
take() { # what curl tells of one answer, from standard input; its body stands in a file
  local code id
  IFS='|' read -r code status retry_header date_header id || return 1
  now
  answered_ms=$now_ms
  case $code in 0) ;; 7) status=refused ;; *) status=000 ;; esac
  if [[ $id ]]; then request_ids=$(jq -c --arg id "$id" '. + [$id]' <<<"$request_ids"); fi
}
secret() { # the key as a line for curl, which reads it where no list of processes shows it
  printf 'header = "Authorization: Bearer %s"\n' "$IMAGEPROOF_API_KEY"
}
api() { # limit, path, curl's options ...: a request with the key
  local limit=$1 path=$2
  shift 2
  call "$limit" --config <(secret) "$@" "$IMAGEPROOF_BASE_URL$path"
  read_body
}
read_body() { # state, id and error of the last answer; all are empty unless it is an object of JSON
  local parts
  mapfile -t parts < <(jq -r 'objects | .error as $error
    | (if ($error | type) == "object" then $error else {message: $error} end) as $parts
    | "object", (.status | strings) // "", (.id | strings) // "", $parts.code // .code // "",
      ($parts.message // .message // "" | tostring | gsub("[\r\n]"; " ")), if $error then "error" else "" end' \
    "$folder/body" 2>/dev/null)
  object=${parts[0]-} state=${parts[1]-} id=${parts[2]-} code=${parts[3]-} message=${parts[4]-} error=${parts[5]-}
  case $status in
    400 | 413 | 422) kind=invalid_request ;;
    401 | 403) kind=auth ;;
    402) kind=quota ;;
    404) kind=not_found ;;
    408 | 504) kind=timeout ;;
    429) kind=rate_limited ;;
    000 | refused) kind=network message='no whole answer came' ;;
    *) kind=upstream ;;
  esac
  case "${code,,} ${message,,}" in
    *content?policy* | *moderation* | *'safety system'*) kind=moderation ;;
    *insufficient*) kind=quota ;;
  esac
  message=${message:-HTTP $status}
}
retry_after() { # milliseconds that the server wants to be left alone; a date is compared with the server's own clock
  local text until here
  text=$retry_header
  asked_ms=0
  if [[ $text =~ ^[0-9]{1,9}$ ]]; then
    asked_ms=$((10#$text * 1000))
  elif [[ $text ]] && until=$(date --date "$text" +%s 2>/dev/null) && here=$(date --date "$date_header" +%s 2>/dev/null); then
    asked_ms=$((until + 1 > here ? (until + 1 - here) * 1000 : 0))
  fi
  asked_ms=$((asked_ms * 102 / 100))
}

submit() { # order the job; it is sent again only when it was surely not taken
  # To start a program takes its time, more than a scaled wait; so no wait is shorter than the one before came out.
  jq -c .request "$IMAGEPROOF_JOB" >"$folder/request"
  local attempt path gap_ms=0 before_ms=''
  path=$(jq -r .path "$IMAGEPROOF_JOB")
  for ((attempt = 0; ; attempt++)); do
    api $submit_limit "$path" --header 'Content-Type: application/json' --data-binary "@$folder/request"
    gap_ms=$((before_ms ? answered_ms - before_ms : 0)) before_ms=$answered_ms
    retry_after
    if ((attempt == tries - 1)) || [[ $kind == quota || $kind == moderation ]]; then break; fi
    if [[ $status != refused && ! ($object && ($status == 429 || $status == 503)) ]]; then break; fi
    if ((asked_ms > patience)); then fail rate_limited "$code" "the server asks to be left alone for $((asked_ms / 1000)) s"; fi
    backoff $attempt
    longest "$asked_ms" "$backoff_ms" "$gap_ms"
    pause "$longest_ms" "$answered_ms"
  done
  case $status in
    000) fail network '' 'the submit was not answered, so it may be taken' ;;
    200) ;;
    *) fail "$kind" "$code" "$message" ;;
  esac
  if [[ $error || $state == failed ]]; then fail "$kind" "$code" "$message"; fi
  if [[ ! $id ]]; then fail upstream '' 'the answer to the submit holds no id of a task'; fi
  task=$id
}

poll() { # wait for the end of the task; errors that pass are sat out
  local began age troubles=0
  now
  began=$now_ms wait_ms=$first
  start_polls
  while true; do
    pause "$wait_ms" "$answered_ms"
    next_poll
    now
    age=$((now_ms - began))
    if has_ended; then return; fi
    if [[ $status == 200 && $state ]]; then troubles=0; else troubles=$((troubles + 1)); fi
    every $age
    retry_after
    if ((troubles > 0)); then
      backoff $((troubles - 1))
      wait_ms=$((wait_ms + backoff_ms))
    fi
    if ((asked_ms > wait_ms)); then wait_ms=$asked_ms; fi
    if ((age + wait_ms > patience)); then fail timeout '' "task $task has not ended after $((age / 1000)) s"; fi
  done
}
start_polls() { # a curl for so many polls as there may be, with a gate before each
  local limit=$((poll_limit * 1000 / scale > least_limit ? poll_limit * 1000 / scale : least_limit)) number
  mkfifo "$folder/gate"
  {
    secret
    for ((number = 0; number < patience / 2000; number++)); do
      printf 'url = "file://%s/gate"\noutput = "/dev/null"\n' "$folder"
      printf 'url = "%s"\noutput = "%s"\n' "$IMAGEPROOF_BASE_URL$poll_path$task" "$folder/body"
    done
  } >"$folder/polls"
  exec {answers}< <(exec curl --silent --compressed --config "$folder/polls" \
    --max-time "$((limit / 1000)).$(printf %03d $((limit % 1000)))" --write-out "$TOLD" 2>&1 >/dev/null)
  polls=$!
}
next_poll() { # let curl send the next poll, and take the answer
  : >"$folder/body"
  : >"$folder/gate"
  read -ru "$answers" # what curl tells of the gate
  take <&"$answers"
  read_body
}
has_ended() { # whether an answer to a poll is the last one; states that no page names pass
  if [[ $status == 200 ]]; then
    case $state in
      completed) if jq -e "[$results] | any(strings)" "$folder/body" >/dev/null 2>&1; then return 0; fi ;;
      failed) if [[ $error ]]; then fail "$kind" "$code" "$message"; fi ;;
      *) return 1 ;;
    esac
    if ((++hollow < tries)); then return 1; fi # the end is known before its result, or its reason
    if [[ $state == failed ]]; then fail "$kind" "$code" "$message"; fi
    return 0
  fi
  if [[ $status == 404 ]] && ((age < not_yet)); then return 1; fi
  if [[ $object && $status == 4* && $status != 429 ]]; then fail "$kind" "$code" "$message"; fi
  return 1
}

download() { # url, file: fetch one image, without the key; again when it is not whole, or not there yet
  local attempt problem=''
  if [[ $1 != http* ]]; then
    base64 --decode <<<"$1" >"$2" 2>/dev/null
    what_is_wrong "$2"
    if [[ $problem ]]; then fail upstream '' "$problem"; fi
    return
  fi
  for ((attempt = 0; attempt < tries; attempt++)); do
    if ((attempt > 0)); then
      backoff $((attempt - 1))
      pause "$backoff_ms" "$answered_ms"
    fi
    call $download_limit "$1"
    problem="HTTP $status"
    if [[ $status == 200 ]]; then what_is_wrong "$folder/body"; fi
    if [[ ! $problem ]]; then
      mv "$folder/body" "$2"
      return
    fi
  done
  fail upstream '' "a result can't be fetched: $problem"
}
what_is_wrong() { # file: sets problem when it is no whole image, or not of the size that was asked for
  local start end size wanted
  start=$(head -c 12 "$1" | od -An -tx1 | tr -d ' \n') end=$(tail -c 8 "$1" | od -An -tx1 | tr -d ' \n') problem=''
  case $format:$start:$end in
    png:89504e470d0a1a0a*:49454e44ae426082 | jpeg:ffd8*:*ffd9 | webp:52494646????????57454250:*) ;;
    *) problem="expected a whole $format" ;;
  esac
  wanted=$(jq -r '.size // ""' "$IMAGEPROOF_JOB")
  if [[ ! $problem && $format == png && $wanted ]]; then
    size=$(od -An -j16 -N8 -tx1 "$1" | tr -d ' \n')
    size=$((16#${size:0:8}))x$((16#${size:8:8}))
    if [[ $size != "$wanted" ]]; then problem="expected $wanted, got $size"; fi
  fi
}

if [[ ! $poll_path || $(jq -r .content "$IMAGEPROOF_JOB") != json ]]; then finish unsupported '[]'; fi
submit
poll
format=$(jq -r '.request.output_format // "png"' "$IMAGEPROOF_JOB")
mapfile -t urls < <(jq -r "[$results] | .[] | strings" "$folder/body")
wanted=$(jq .images "$IMAGEPROOF_JOB") images='[]'
for number in "${!urls[@]}"; do
  file=$IMAGEPROOF_OUT/$IMAGEPROOF_SCENARIO-$number.$format
  download "${urls[number]}" "$file"
  read -r digest _ < <(sha256sum "$file")
  images=$(jq -c --arg digest "$digest" '. + [{sha256: $digest}]' <<<"$images")
done
if ((${#urls[@]} < wanted)); then fail upstream '' "${#urls[@]} of $wanted images came"; fi
finish done "$images"
