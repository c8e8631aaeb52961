#!/usr/bin/env bash
# The programs the tests use beside Python: installs them where it may, else prints the one line to run and stops.
set -euo pipefail

packages=(mosquitto postgresql libportaudio2 libasound2-plugins pulseaudio pulseaudio-utils ffmpeg espeak-ng chromium)
missing=()
for package in "${packages[@]}"; do
  # Ubuntu 24.04 renamed some libraries with a t64 suffix.
  { dpkg-query -W -f='${Status}\n' "$package" "${package}t64" 2>/dev/null || true; } | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}")
if [ "$(id -u)" -eq 0 ]; then
  apt-get update -qq && "${install[@]}"
elif sudo -n true 2>/dev/null; then
  sudo apt-get update -qq && sudo "${install[@]}"
else
  echo "The tests need some system packages. Please run once, then try again:" >&2
  echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
  exit 1
fi
