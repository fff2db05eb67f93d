#!/bin/sh
# Unpack packages of Debian into a folder, without installing them: unpack_debian.sh FOLDER PACKAGE…
# The lists of packages that the system has are taken; where they do not do (a new container has none), new ones are fetched.
set -eu
folder="$1"
shift
if ! command -v apt-get >/dev/null; then
    echo "These are taken from Debian's packages, and there is no apt-get; install them yourself: $*" >&2
    exit 0
fi
get="apt-get -qq -o APT::Sandbox::User=root"
own="-o Dir::State::Lists=$folder/lists -o Dir::Cache=$folder/cache"
mkdir -p "$folder/lists/partial" "$folder/cache"
cd "$folder/cache"
# shellcheck disable=SC2086
$get download "$@" 2>/dev/null || { $get $own update && $get $own download "$@"; }
for package in *.deb; do dpkg-deb -x "$package" "$folder"; done
rm -rf "$folder/cache" "$folder/lists"
