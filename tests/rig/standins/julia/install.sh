#!/bin/bash
# Put Julia into /usr/local/julia as the official image has it: one folder that can be moved anywhere.
# It comes from the last Debian release that had Julia, with the libraries it was built for.
set -euo pipefail
work=$(mktemp -d)
cd "$work"
mkdir -p lists/partial archives/partial
touch status
sed -n 's/ [a-z]* main$/ bullseye main/p' /etc/apt/sources.list | sort -u >sources.list
options=(-o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$work/lists" -o "Dir::State::status=$work/status" -o "Dir::Cache::archives=$work/archives")
mv /etc/apt/apt.conf.d/docker-clean . # it would delete what was downloaded
apt-get "${options[@]}" -qq update
apt-get "${options[@]}" -qq --no-install-recommends --download-only install julia >/dev/null
# Everything but libc and what only the package manager itself needs.
rm archives/{debconf,dpkg,libc6,perl-base,tar}_*.deb
for deb in archives/*.deb; do
    dpkg-deb --extract "$deb" root
done
target=/usr/local/julia libraries=/usr/local/julia/lib/x86_64-linux-gnu
mkdir -p $target/bin $target/share $libraries
cp -a root/usr/bin/julia $target/bin
cp -a root/usr/share/julia $target/share
cp -a root/usr/lib/x86_64-linux-gnu/. root/lib/x86_64-linux-gnu/. $libraries
rm -r $target/share/julia/test
# A path of a library's own would hide the path of the program.
find $target -name '*.so*' -type f -exec patchelf --remove-rpath {} \; 2>/dev/null
patchelf --force-rpath --set-rpath '$ORIGIN/../lib/x86_64-linux-gnu:$ORIGIN/../lib/x86_64-linux-gnu/julia' $target/bin/julia
$target/bin/julia -e 'using LinearAlgebra, Pkg; println(VERSION)'
