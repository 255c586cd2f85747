#!/bin/sh
# Lays the profiling allocators out in a folder, as they are copied into targets: `allocators.sh FOLDER`.
#
# A target's image may lack libraries that they need, libunwind above all. Those come along in FOLDER/lib, but are looked for there
# only after the target's own folders: an older libstdc++ of ours, loaded first, would be the one that the JVM's libraries get.
# FOLDER/needs.json says the newest glibc that each asks for, and for which machine it is.
set -eu
folder=$1
libraries=/usr/lib/$(uname -m)-linux-gnu
path=$libraries:/lib/$(uname -m)-linux-gnu:/usr/lib64:/lib64
mkdir -p "$folder/lib"
cp -L "$libraries/libjemalloc.so.2" "$libraries/libtcmalloc.so.4" "$folder"
for name in libunwind.so.8 liblzma.so.5 libstdc++.so.6 libgcc_s.so.1; do
	cp -L "$(ldconfig -p | sed -n "s|.*${name%%.*}\.so\.[0-9]* .*=> \(.*/$name\)$|\1|p" | head -n 1)" "$folder/lib"
done
for file in "$folder"/*.so.*; do patchelf --set-rpath "$path:\$ORIGIN/lib" "$file"; done
for file in "$folder"/lib/*; do patchelf --set-rpath "$path:\$ORIGIN" "$file"; done
newest() {
	objdump -T "$@" | sed -n 's/.*GLIBC_\([0-9.]*\).*/\1/p' | sort -uV | tail -n 1
}
{
	printf '{"machine":"%s"' "$(uname -m)"
	for name in libjemalloc.so.2 libtcmalloc.so.4; do
		printf ',"%s":{"glibc":"%s"}' "$name" "$(newest "$folder/$name" "$folder"/lib/*)"
	done
	printf '}\n'
} > "$folder/needs.json"
chmod -R a+rX "$folder"
