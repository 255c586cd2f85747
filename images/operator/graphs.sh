#!/bin/sh
# Gathers what draws a heap profile: jeprof, and dot with its SVG and PDF writers, with the libraries that the runtime lacks.
# `graphs.sh PRESENT FOLDER`: PRESENT lists the names of the runtime's files; FOLDER gets the others as they are to lie below /.
#
# The package of dot brings writers for a dozen image formats and for X11; the two wanted here need a small part of it.
set -eu
present=$1 folder=$2
plugins=/usr/lib/$(uname -m)-linux-gnu/graphviz/libgvplugin_
wanted=$(ls /usr/bin/dot "$plugins"core.so.? "$plugins"dot_layout.so.? "$plugins"pango.so.?)
needed=$(ldd $wanted | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | sort -u)
for file in $wanted $needed /usr/bin/jeprof /etc/fonts/fonts.conf /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf; do
	if grep -qxF "${file##*/}" "$present"; then continue; fi
	place=$folder$(realpath "$(dirname "$file")")
	mkdir -p "$place"
	cp -L "$file" "$place"
done
