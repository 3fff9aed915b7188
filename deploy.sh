#!/usr/bin/env bash
# Deploys the function autonomous-operations to Google Cloud, with its secrets, its accounts and
# its schedule. Run it again at any time: it looks first and changes only what differs.
#
# A person with the roles Cloud Functions Admin, Cloud Scheduler Admin, Secret Manager Admin,
# Service Account Admin, Service Account User, Cloud Run Admin and Service Usage Admin can run it.
set -euo pipefail
cd "$(dirname "$0")"

usage() {
    cat <<'TEXT'
Usage: ./deploy.sh [options]

  --project ID     Google Cloud project (default: the one gcloud is set to)
  --region NAME    region of the function and its schedule (default: us-central1)
  --every TIME     how often it runs: 15m, 20m, 30m, 1h, 2h, ... (default: 1h)
  --shards N       N scheduler jobs, each for one part of the campaigns (default: 1)
  --memory SIZE    memory of an instance (default: 512Mi; a run over 50,000 campaigns uses 110)
  --private        only the scheduler's account may reach the function: no dashboard in a browser
  --build-service-account EMAIL
                   account that builds the image (default: the project's own)
  --skip-migrations
                   do not touch the database (the SQL editor was used)
  --dry-run        print every command as a runbook; change nothing, ask nothing
  --destroy        take everything down; the database stays as it is
  --yes            do not ask
  --help           this text

Environment (values of secrets are never printed and never stand in a command line):

  SUPABASE_URL                 https://<project-ref>.supabase.co          needed at first
  SUPABASE_SERVICE_ROLE_KEY    service_role or sb_secret_ key             needed at first
  AUTONOMY_DATABASE_URL        postgresql://... for the migrations        else they are skipped
  AUTONOMY_API_TOKEN           operator's token                           made where there is none
  AUTONOMY_SESSION_KEY         signs the dashboard's cookies              made where there is none
  AUTONOMY_VIEWER_TOKEN, AUTONOMY_AGENT_TOKEN, AUTONOMY_WEBHOOK_URL,
  AUTONOMY_WEBHOOK_SECRET,
  AUTONOMY_SLACK_WEBHOOK_URL, AUTONOMY_SMTP_URL, AUTONOMY_MAIL_FROM,
  AUTONOMY_MAIL_TO, AUTONOMY_EMBED_ORIGINS                                optional
  AUTONOMY_META_TOKEN, AUTONOMY_META_APP_SECRET,
  AUTONOMY_GOOGLE_ADS_CREDENTIALS
                               to read advertising accounts               optional
  AUTONOMY_CREDENTIALS         "NORTH EAST": names of further ones,
                               AUTONOMY_META_TOKEN_NORTH, ...             else there are none
  AUTONOMY_DASHBOARD_URL       address that links in messages lead to     else the function's
TEXT
}

NAME=autonomous-operations
RUNS_AS=$NAME             # service account of the function: may read its own secrets, nothing else
CALLS_AS=$NAME-caller     # service account of the scheduler: may call the function, nothing else
RUNTIME=python312
TIMEOUT_SECONDS=300       # of the platform. The run stops by itself after DEADLINE_SECONDS, between
DEADLINE_SECONDS=240      # two batches, and has a minute left to write its report.
ATTEMPT_SECONDS=320       # the scheduler waits longer than the function may take
RETRIES=3                 # safe: a retry has the same schedule time, which is the idempotency key
CPU=1                     # the smallest that may serve several requests at once
CONCURRENCY=4             # the framework has 4 threads per CPU; a fifth request would wait inside
RANDOM_BYTES="head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \\n'"
APIS="cloudbuild cloudfunctions run artifactregistry cloudscheduler secretmanager iam"
# What the function reads, and the secret that holds it. The first must be given once.
SECRETS="SUPABASE_SERVICE_ROLE_KEY:supabase-key AUTONOMY_API_TOKEN:api-token
AUTONOMY_SESSION_KEY:session-key AUTONOMY_VIEWER_TOKEN:viewer-token
AUTONOMY_AGENT_TOKEN:agent-token
AUTONOMY_WEBHOOK_URL:webhook-url AUTONOMY_WEBHOOK_SECRET:webhook-secret
AUTONOMY_SLACK_WEBHOOK_URL:slack-webhook-url AUTONOMY_SMTP_URL:smtp-url
AUTONOMY_MAIL_FROM:mail-from AUTONOMY_MAIL_TO:mail-to
AUTONOMY_EMBED_ORIGINS:embed-origins
AUTONOMY_META_TOKEN:meta-token AUTONOMY_META_APP_SECRET:meta-app-secret
AUTONOMY_GOOGLE_ADS_CREDENTIALS:google-ads-credentials"
# Several credentials have names: each has variables of its own.
for name in ${AUTONOMY_CREDENTIALS-}; do
    lower=$(printf %s "$name" | tr 'A-Z_' 'a-z-')
    SECRETS="$SECRETS AUTONOMY_META_TOKEN_$name:meta-token-$lower
AUTONOMY_META_APP_SECRET_$name:meta-app-secret-$lower
AUTONOMY_GOOGLE_ADS_CREDENTIALS_$name:google-ads-credentials-$lower"
done

project=""
region=us-central1
every=1h
shards=1
memory=512Mi
build_account=""
private=no
migrations=yes
dry_run=no
destroy=no
yes=no
changes=0
found=""                  # what `look` saw last
secret_values=""          # NAME=secret:version,... as the function takes it
if command -v sha256sum >/dev/null 2>&1; then CHECKSUM=(sha256sum); else CHECKSUM=(shasum -a 256); fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# --- saying, asking, looking, doing ------------------------------------------------------------

die() { printf 'deploy.sh: %s\n' "$*" >&2; exit 1; }
heading() { printf '\n# %s\n' "$*"; }
note() { printf '#   %s\n' "$*"; }

# A command as one could paste it; a long one with a flag a line.
quoted() {
    local word line="" words=()
    for word in "$@"; do
        case $word in
            *[!A-Za-z0-9_@%+=:,./~-]* | "") word="'$(printf %s "$word" | sed "s/'/'\\\\''/g")'" ;;
        esac
        words+=("$word")
        line="$line $word"
    done
    if [ ${#line} -gt 100 ]; then
        line=""
        for word in "${words[@]}"; do
            case $word in --* | "'--"*) line="$line \\"$'\n'"    $word" ;; *) line="$line $word" ;; esac
        done
    fi
    printf '%s' "${line# }"
}

google() { gcloud "$@" --project="$project" --quiet; }

# Does a thing that changes something, or prints it.
change() {
    changes=$((changes + 1))
    quoted gcloud "$@" --project="$project" --quiet
    printf '\n'
    [ "$dry_run" = no ] || return 0
    google "$@" >"$work/out" 2>"$work/err" </dev/null || { cat "$work/err" >&2; die "that failed; run me again when it is mended"; }
}

# The same with a value that nobody may see: it goes through standard input.
change_secretly() {
    local variable=$1 value=$2
    shift 2
    changes=$((changes + 1))
    # shellcheck disable=SC2016  # the reader's shell shall expand it
    printf 'printf %%s "$%s" | ' "$variable"
    quoted gcloud "$@" --data-file=- --project="$project" --quiet
    printf '\n'
    [ "$dry_run" = no ] || return 0
    printf %s "$value" | google "$@" --data-file=- >/dev/null 2>"$work/err" || { cat "$work/err" >&2; die "that failed; run me again when it is mended"; }
}

# Looks something up: true with $found, or false where it does not exist. A dry run knows nothing.
look() {
    found=""
    [ "$dry_run" = no ] || return 1
    if found=$(google "$@" 2>"$work/err" </dev/null); then return 0; fi
    found=""
    # A service that is not on yet has nothing in it.
    if grep -qiE 'not.found|does not exist|SERVICE_DISABLED|is disabled' "$work/err"; then return 1; fi
    cat "$work/err" >&2
    die "could not look: gcloud $1 $2 $3"
}

agree() {
    [ "$yes" = no ] && [ "$dry_run" = no ] || return 0
    [ -t 0 ] || die "$1 Say --yes where nobody can answer."
    local answer
    printf '%s [y/N] ' "$1" >&2
    read -r answer
    case $answer in y | Y | yes) return 0 ;; *) return 1 ;; esac
}

# Prints "what: found -> wanted" for each field that differs; fails where none does.
differences() {
    local names=$1 wanted=$2 there=$3 i=0 name differ=1
    local -a want have
    IFS='|' read -r -a want <<<"$wanted"
    IFS='|' read -r -a have <<<"$there"
    for name in $names; do
        if [ "${want[i]-}" != "${have[i]-}" ]; then
            note "${name##*.}: ${have[i]-} -> ${want[i]-}"
            differ=0
        fi
        i=$((i + 1))
    done
    return $differ
}

joined() { local IFS=$1; shift; printf '%s' "$*"; }

# --- options -----------------------------------------------------------------------------------

read_options() {
    while [ $# -gt 0 ]; do
        case $1 in
            --project | --region | --every | --shards | --memory | --build-service-account)
                [ $# -ge 2 ] || die "$1 needs a value"
                set_option "$1" "$2"
                shift
                ;;
            --*=*) set_option "${1%%=*}" "${1#*=}" ;;
            --private) private=yes ;;
            --skip-migrations) migrations=no ;;
            --dry-run) dry_run=yes ;;
            --destroy) destroy=yes ;;
            --yes | -y) yes=yes ;;
            --help | -h) usage; exit 0 ;;
            *) usage >&2; die "unknown option: $1" ;;
        esac
        shift
    done
    schedule_of "$every"
    case $shards in "" | 0* | *[!0-9]* | ?????*) die "--shards takes a number from 1 to 1024" ;; esac
    [ "$shards" -le 1024 ] || die "--shards takes a number from 1 to 1024"
    case $memory in *[0-9]Mi | *[0-9]Gi) ;; *) die "--memory takes a size such as 512Mi or 1Gi" ;; esac
    # The lease lets one run at a time work on a shard; two more instances serve people.
    max_instances=$((shards + 2))
}

set_option() {
    case $1 in
        --project) project=$2 ;;
        --region) region=$2 ;;
        --every) every=$2 ;;
        --shards) shards=$2 ;;
        --memory) memory=$2 ;;
        --build-service-account) build_account=$2 ;;
        *) usage >&2; die "unknown option: $1" ;;
    esac
}

# $schedule (cron) and $interval_minutes for 30m, 1h, ...
schedule_of() {
    local count=${1%[mh]}
    case $count in "" | 0* | *[!0-9]* | ???*) die "--every takes a time such as 30m or 1h" ;; esac
    case $1 in
        60m | 1h) schedule="0 * * * *" interval_minutes=60 ;;
        *m)
            if [ $((60 % count)) -ne 0 ] || [ "$count" -lt 5 ]; then die "--every: the minutes must divide an hour, from 5m on"; fi
            schedule="*/$count * * * *" interval_minutes=$count
            ;;
        *h)
            [ $((24 % count)) -eq 0 ] || die "--every: the hours must divide a day"
            schedule="0 */$count * * *" interval_minutes=$((count * 60))
            ;;
        *) die "--every takes a time such as 30m or 1h" ;;
    esac
}

# --- what must be there ------------------------------------------------------------------------

check() {
    heading "What must be there"
    if [ "$dry_run" = yes ]; then
        project=${project:-PROJECT_ID}
        note "gcloud, signed in; the project $project with billing; SUPABASE_URL and SUPABASE_SERVICE_ROLE_KEY"
        return
    fi
    command -v gcloud >/dev/null 2>&1 || die "gcloud is missing. Install it: https://cloud.google.com/sdk/docs/install"
    command -v curl >/dev/null 2>&1 || die "curl is missing"
    local account
    account=$(gcloud auth list --filter=status:ACTIVE --format='value(account)' 2>/dev/null </dev/null) || true
    account=${account%%$'\n'*}
    [ -n "$account" ] || die "gcloud is not signed in. Run: gcloud auth login"
    [ -n "$project" ] || project=$(gcloud config get project --quiet 2>/dev/null </dev/null || true)
    case $project in "" | "(unset)") die "no project. Name one: ./deploy.sh --project ID" ;; esac
    gcloud projects describe "$project" --format='value(projectId)' >/dev/null 2>"$work/err" </dev/null ||
        { cat "$work/err" >&2; die "the project $project is not there, or $account may not see it"; }
    note "gcloud as $account, project $project, region $region"
}

enable_apis() {
    heading "Services of the platform"
    local api missing=()
    found=""
    look services list --format='value(config.name)' || true
    for api in $APIS; do
        grep -qx "$api.googleapis.com" <<<"$found" || missing+=("$api.googleapis.com")
    done
    if [ ${#missing[@]} -eq 0 ]; then note "all on"; else change services enable "${missing[@]}"; fi
}

# Names everything that is missing at once, before anything is changed.
check_values() {
    local lacking=()
    supabase_url=${SUPABASE_URL-}
    if [ -z "$supabase_url" ] && look functions describe "$NAME" --region="$region" \
        --format='value(serviceConfig.environmentVariables.SUPABASE_URL)'; then
        supabase_url=$found
    fi
    supabase_url=${supabase_url%/}
    [ "$dry_run" = no ] || supabase_url=${supabase_url:-https://<project-ref>.supabase.co}
    [ -n "$supabase_url" ] || lacking+=("SUPABASE_URL (https://<project-ref>.supabase.co)")
    case $supabase_url in *[,\|\ ]*) die "SUPABASE_URL is not an address" ;; esac
    if [ -z "${SUPABASE_SERVICE_ROLE_KEY-}${SUPABASE_SECRET_KEY-}" ] && [ "$dry_run" = no ] &&
        ! look secrets describe "$NAME-supabase-key" --format='value(name)'; then
        lacking+=("SUPABASE_SERVICE_ROLE_KEY (Project Settings, API keys)")
    fi
    if [ ${#lacking[@]} -gt 0 ]; then
        printf 'deploy.sh: not set: %s\n' "${lacking[@]}" >&2
        die "set what is missing and run me again"
    fi
}

# --- the database ------------------------------------------------------------------------------

migrate() {
    heading "Migrations"
    if [ "$migrations" = no ]; then
        note "left out (--skip-migrations)"
    elif [ -z "${AUTONOMY_DATABASE_URL-}" ] && [ "$dry_run" = no ]; then
        note "AUTONOMY_DATABASE_URL is not set: nothing is applied. Paste sql/create_$(echo $NAME | tr - _).sql"
        note "into the SQL editor, or set it (Supabase: Connect, session pooler) and run me again."
    else
        local python=${PYTHON-} host
        [ -n "$python" ] || { python=python3 && [ ! -x .venv/bin/python ] || python=.venv/bin/python; }
        # Only the host: the address has the password in it. It goes through the environment.
        host=$(printf %s "${AUTONOMY_DATABASE_URL:-@HOST/}" | sed -E 's#^[^@]*@##; s#^[a-z]+://##; s#[/?].*$##')
        agree "Apply the migrations to the database at $host?" || die "nothing was changed"
        quoted "$python" -m autonomy migrate
        printf '\n'
        [ "$dry_run" = yes ] || "$python" -m autonomy migrate </dev/null || die "the migrations failed; nothing was deployed"
    fi
}

# --- accounts and secrets ----------------------------------------------------------------------

accounts() {
    heading "Service accounts"
    runs_as=$RUNS_AS@$project.iam.gserviceaccount.com
    calls_as=$CALLS_AS@$project.iam.gserviceaccount.com
    account "$RUNS_AS" "$runs_as" "Runs the autonomous operations"
    account "$CALLS_AS" "$calls_as" "Calls the autonomous operations on schedule"
}

account() {
    if look iam service-accounts describe "$2" --format='value(email)'; then
        note "$2 is there"
    else
        change iam service-accounts create "$1" --display-name="$3"
    fi
}

secrets() {
    heading "Secrets"
    local pair
    for pair in $SECRETS; do secret "${pair%%:*}" "$NAME-${pair##*:}"; done
    secret_values=${secret_values#,}
}

secret() {
    local variable=$1 secret=$2 value version="" exists=no
    value=$(given "$variable")
    if look secrets describe "$secret" --format='value(name)'; then exists=yes; fi
    if [ "$exists" = no ] && [ -z "$value" ]; then
        case $variable in
            AUTONOMY_API_TOKEN | AUTONOMY_SESSION_KEY) 
                value=$(random)
                # shellcheck disable=SC2016  # the reader's shell shall expand it
                if [ "$dry_run" = yes ]; then printf '%s=$(%s)\n' "$variable" "$RANDOM_BYTES"; else note "$variable: made of 32 random bytes"; fi
                ;;
            *) [ "$dry_run" = yes ] && [ "$variable" = SUPABASE_SERVICE_ROLE_KEY ] || return 0 ;;
        esac
    fi
    if [ "$exists" = no ]; then
        change_secretly "$variable" "$value" secrets create "$secret" --replication-policy=automatic
        version=1
    else
        look secrets versions describe latest --secret="$secret" --format='value(name)' || true
        version=${found##*/}
        if [ -n "$value" ] && ! { [ -n "$version" ] && look secrets versions access "$version" --secret="$secret" && [ "$found" = "$value" ]; }; then
            change_secretly "$variable" "$value" secrets versions add "$secret"
            look secrets versions describe latest --secret="$secret" --format='value(name)' || true
            version=${found##*/}
        else
            note "$secret is there (version $version)"
        fi
    fi
    may_read "$secret"
    # A version, not "latest": what is deployed says exactly what it reads.
    secret_values=$secret_values,$variable=$secret:$version
}

given() {
    case $1 in
        SUPABASE_SERVICE_ROLE_KEY) printf %s "${SUPABASE_SERVICE_ROLE_KEY:-${SUPABASE_SECRET_KEY-}}" ;;
        *) printf %s "${!1-}" ;;
    esac
}

random() { eval "$RANDOM_BYTES"; }

may_read() {
    local role=roles/secretmanager.secretAccessor member=serviceAccount:$runs_as
    look secrets get-iam-policy "$1" --flatten='bindings[].members' \
        --format='value[separator=" "](bindings.role,bindings.members)' || true
    grep -qxF "$role $member" <<<"$found" ||
        change secrets add-iam-policy-binding "$1" --member="$member" --role="$role"
}

# --- the function ------------------------------------------------------------------------------

# Only what it needs, copied out: nothing that lies about in this folder is ever uploaded.
collect_source() {
    mkdir "$work/source"
    cp main.py requirements.txt "$work/source/"
    tar -cf - --exclude=__pycache__ --exclude=autonomy/local autonomy sql/[0-9]*_*.sql | tar -xf - -C "$work/source"
    # No name here has a blank in it.
    source_hash=$(cd "$work/source" && find . -type f | LC_ALL=C sort | xargs "${CHECKSUM[@]}" | "${CHECKSUM[@]}" | cut -c 1-32)
}

deploy_function() {
    heading "The function"
    # A function's audience is its own address; this one is known before it exists.
    audience=https://$region-$project.cloudfunctions.net/$NAME
    local dashboard=${AUTONOMY_DASHBOARD_URL:-$audience}
    case $dashboard in *[,\|\ ]*) die "AUTONOMY_DASHBOARD_URL is not an address" ;; esac
    collect_source
    local service=serviceConfig variables=serviceConfig.environmentVariables
    local fields wanted secrets_there secrets_wanted access=--allow-unauthenticated
    fields="labels.source buildConfig.runtime buildConfig.entryPoint $service.availableMemory
        $service.availableCpu $service.timeoutSeconds $service.maxInstanceCount
        $service.maxInstanceRequestConcurrency $service.serviceAccountEmail
        $variables.SUPABASE_URL $variables.AUTONOMY_DEADLINE_SECONDS
        $variables.AUTONOMY_RUN_INTERVAL_MINUTES $variables.AUTONOMY_OIDC_AUDIENCE
        $variables.AUTONOMY_OIDC_EMAIL $variables.AUTONOMY_DASHBOARD_URL"
    wanted=$(joined '|' "$source_hash" "$RUNTIME" autonomous_operations "$memory" "$CPU" \
        "$TIMEOUT_SECONDS" "$max_instances" "$CONCURRENCY" "$runs_as" "$supabase_url" \
        "$DEADLINE_SECONDS" "$interval_minutes" "$audience" "$calls_as" "$dashboard")
    secrets_wanted=$(printf '%s\n' "$secret_values" | tr ',' '\n' | sort)
    # shellcheck disable=SC2086  # one word a field
    if look functions describe "$NAME" --region="$region" \
        --format="value[separator=\"|\"]($(joined , $fields))"; then
        local there=$found
        look functions describe "$NAME" --region="$region" --flatten="$service.secretEnvironmentVariables[]" \
            --format="value[separator=\"|\"]($service.secretEnvironmentVariables.key,$service.secretEnvironmentVariables.secret,$service.secretEnvironmentVariables.version)" || true
        secrets_there=$(printf '%s\n' "$found" | sed 's/|/=/; s/|/:/' | sort)
        if ! differences "$fields" "$wanted" "$there" && [ "$secrets_there" = "$secrets_wanted" ]; then
            note "as it should be"
            who_may_reach
            return
        fi
        [ "$secrets_there" = "$secrets_wanted" ] || note "the secrets' versions differ"
    fi
    [ "$private" = no ] || access=--no-allow-unauthenticated
    note "SOURCE_DATE_EPOCH makes the build compile Python once: else each cold start would, for seconds."
    [ "$dry_run" = no ] || note "SOURCE is a copy of main.py, autonomy/ (without local/), sql/ and requirements.txt."
    local source_folder=$work/source
    [ "$dry_run" = no ] || source_folder=SOURCE
    change functions deploy "$NAME" --gen2 --region="$region" --runtime="$RUNTIME" \
        --entry-point=autonomous_operations --trigger-http "$access" --source="$source_folder" \
        --service-account="$runs_as" ${build_account:+--build-service-account="$build_account"} \
        --memory="$memory" --cpu="$CPU" --timeout="${TIMEOUT_SECONDS}s" --concurrency="$CONCURRENCY" \
        --min-instances=0 --max-instances="$max_instances" --ingress-settings=all \
        --update-labels="source=$source_hash" --set-build-env-vars=SOURCE_DATE_EPOCH=315532800 \
        --update-env-vars="$(joined , "SUPABASE_URL=$supabase_url" \
            "AUTONOMY_DEADLINE_SECONDS=$DEADLINE_SECONDS" "AUTONOMY_RUN_INTERVAL_MINUTES=$interval_minutes" \
            "AUTONOMY_OIDC_AUDIENCE=$audience" "AUTONOMY_OIDC_EMAIL=$calls_as" \
            "AUTONOMY_DASHBOARD_URL=$dashboard")" \
        --set-secrets="$secret_values"
    who_may_reach
}

# The platform's own gate. Open: the function checks every caller itself (token or OIDC).
who_may_reach() {
    local role=roles/run.invoker all=no caller=no
    if look run services get-iam-policy "$NAME" --region="$region" --flatten='bindings[].members' \
        --format='value[separator=" "](bindings.role,bindings.members)'; then
        ! grep -qxF "$role allUsers" <<<"$found" || all=yes
        ! grep -qxF "$role serviceAccount:$calls_as" <<<"$found" || caller=yes
    elif [ "$private" = no ]; then
        all=yes # a dry run: --allow-unauthenticated has done it
    fi
    if [ "$private" = no ] && [ "$all" = no ]; then
        change run services add-iam-policy-binding "$NAME" --region="$region" --member=allUsers --role="$role"
    elif [ "$private" = yes ]; then
        [ "$all" = no ] || change run services remove-iam-policy-binding "$NAME" --region="$region" --member=allUsers --role="$role"
        [ "$caller" = yes ] || change run services add-iam-policy-binding "$NAME" --region="$region" \
            --member="serviceAccount:$calls_as" --role="$role"
    fi
}

# --- the schedule ------------------------------------------------------------------------------

schedule_jobs() {
    heading "The schedule: $schedule (UTC), $shards job(s)"
    note "The idempotency key is X-CloudScheduler-JobName with X-CloudScheduler-ScheduleTime, which the"
    note "scheduler sends by itself and repeats in every retry."
    local part
    part=1
    while [ "$part" -le "$shards" ]; do
        if [ "$shards" -eq 1 ]; then job "$NAME" '{}'; else
            job "$NAME-$part-of-$shards" "{\"shard\":\"$part/$shards\"}"
        fi
        part=$((part + 1))
    done
    remove_jobs "keep"
}

job() {
    local name=$1 body=$2 retry_seconds=$((interval_minutes * 30)) fields wanted encoded
    encoded=$(printf %s "$body" | base64 | tr -d '\n')
    fields="schedule timeZone httpTarget.uri httpTarget.httpMethod httpTarget.body
        httpTarget.headers.Content-Type httpTarget.oidcToken.serviceAccountEmail
        httpTarget.oidcToken.audience attemptDeadline retryConfig.retryCount
        retryConfig.maxRetryDuration retryConfig.minBackoffDuration
        retryConfig.maxBackoffDuration retryConfig.maxDoublings"
    wanted=$(joined '|' "$schedule" Etc/UTC "$audience" POST "$encoded" application/json "$calls_as" \
        "$audience" "${ATTEMPT_SECONDS}s" "$RETRIES" "${retry_seconds}s" 60s 300s 2)
    local settings=(--location="$region" --schedule="$schedule" --time-zone=Etc/UTC --uri="$audience"
        --http-method=post --message-body="$body" --oidc-service-account-email="$calls_as"
        --oidc-token-audience="$audience" --attempt-deadline="${ATTEMPT_SECONDS}s"
        --max-retry-attempts="$RETRIES" --max-retry-duration="${retry_seconds}s"
        --min-backoff=60s --max-backoff=300s --max-doublings=2)
    # shellcheck disable=SC2086  # one word a field
    if ! look scheduler jobs describe "$name" --location="$region" \
        --format="value[separator=\"|\"]($(joined , $fields))"; then
        change scheduler jobs create http "$name" "${settings[@]}" --headers=Content-Type=application/json \
            --description="Autonomous campaign operations"
    elif differences "$fields" "$wanted" "$found"; then
        change scheduler jobs update http "$name" "${settings[@]}" --update-headers=Content-Type=application/json
    else
        note "$name is as it should be"
        paused "$name"
    fi
}

# Somebody paused it on purpose: that is theirs to end.
paused() {
    look scheduler jobs describe "$1" --location="$region" --format='value(state)' || true
    [ "$found" != PAUSED ] || note "but PAUSED; to go on: gcloud scheduler jobs resume $1 --location=$region --project=$project"
}

# Jobs of another division into shards (keep), or all of them (all).
remove_jobs() {
    local name names
    look scheduler jobs list --location="$region" --format='value(name.basename())' || true
    names=$(printf '%s\n' "$found" | grep -E "^$NAME(-[0-9]+-of-[0-9]+)?\$" || true)
    for name in $names; do
        if [ "$1" = keep ]; then
            if [ "$shards" -eq 1 ] && [ "$name" = "$NAME" ]; then continue; fi
            case $name in *-of-"$shards") [ "$shards" -eq 1 ] || continue ;; esac
        fi
        change scheduler jobs delete "$name" --location="$region"
    done
}

# --- does it work ------------------------------------------------------------------------------

smoke_test() {
    heading "Smoke test: a dry run"
    local body='{"dry_run": true, "reason": "smoke test of deploy.sh"}' token identity="" attempt=1 status=""
    if [ "$dry_run" = yes ]; then
        # shellcheck disable=SC2016  # the reader's shell shall expand it
        printf '%s\n' 'token=$(gcloud secrets versions access latest --secret='"$NAME-api-token --project=$project)" \
            "printf 'header = \"Authorization: Bearer %s\"\\n' \"\$token\" | curl --config - -X POST $audience \\" \
            "    -H 'Content-Type: application/json' -d '$body'"
        return
    fi
    look functions describe "$NAME" --region="$region" --format='value[separator="|"](url,serviceConfig.uri)' ||
        die "the function is not there after all"
    local url=${found%%|*} uri=${found##*|}
    [ "$url" = "$audience" ] || note "its address is $url"
    look secrets versions access latest --secret="$NAME-api-token" || die "the operator's token cannot be read"
    token=$found
    if [ "$private" = yes ]; then
        # Past the platform's gate with your own account; the function itself wants its token.
        identity=$(gcloud auth print-identity-token --quiet 2>/dev/null </dev/null) || die "no identity token: gcloud auth login"
    fi
    while :; do
        # The headers go through standard input: a command line is seen by every user of the machine.
        status=$({
            printf 'header = "Authorization: Bearer %s"\n' "$token"
            [ -z "$identity" ] || printf 'header = "X-Serverless-Authorization: Bearer %s"\n' "$identity"
        } | curl --silent --show-error --max-time "$ATTEMPT_SECONDS" --output "$work/answer" --write-out '%{http_code}' \
            --request POST --header 'Content-Type: application/json' --data "$body" --config - "$url" 2>"$work/err") || status=000
        if [ "$status" = 200 ] && grep -q '"success": *true' "$work/answer"; then break; fi
        # A new address and new rights take a while to be known everywhere.
        [ $attempt -lt 6 ] || { cat "$work/err" "$work/answer" >&2 2>/dev/null || true; die "it is deployed, but the smoke test failed ($status)"; }
        attempt=$((attempt + 1))
        sleep 10
    done
    note "Autonomous operations completed successfully (dry run)"
    [ "$private" = yes ] || note "dashboard: $uri/"
    note "the operator's token: gcloud secrets versions access latest --secret=$NAME-api-token --project=$project"
}

# --- taking it down ----------------------------------------------------------------------------

take_down() {
    agree "Delete the function, its schedule, its secrets and its accounts in $project?" || die "nothing was changed"
    heading "The schedule"
    if [ "$dry_run" = yes ]; then change scheduler jobs delete "$NAME" --location="$region"; else remove_jobs all; fi
    heading "The function"
    gone functions describe "$NAME" --region="$region" -- functions delete "$NAME" --region="$region"
    heading "Secrets"
    local pair
    for pair in $SECRETS; do
        gone secrets describe "$NAME-${pair##*:}" -- secrets delete "$NAME-${pair##*:}"
    done
    heading "Service accounts"
    for pair in "$RUNS_AS" "$CALLS_AS"; do
        pair=$pair@$project.iam.gserviceaccount.com
        gone iam service-accounts describe "$pair" -- iam service-accounts delete "$pair"
    done
    heading "Done: $changes change(s). The database, its rules and its log of actions are as they were."
}

# gone LOOK... -- DELETE...: deletes what is there.
gone() {
    local question=()
    while [ "$1" != -- ]; do question+=("$1") && shift; done
    shift
    if [ "$dry_run" = yes ] || look "${question[@]}" --format='value(name)'; then
        change "$@"
    else
        note "${question[2]/describe/${question[3]-}} is not there"
    fi
}

# --- all of it ---------------------------------------------------------------------------------

read_options "$@"
[ "$dry_run" = no ] || printf '# Runbook. Nothing is changed.\n'
check
if [ "$destroy" = yes ]; then
    take_down
    exit 0
fi
check_values
migrate
enable_apis
accounts
secrets
deploy_function
schedule_jobs
smoke_test
if [ "$dry_run" = yes ]; then
    heading "End of the runbook: $changes command(s) that change something."
else
    heading "Done: $changes change(s)."
fi
