#!/bin/sh
# Takes out of an image's environment what so3g's fallback, and the rest, do without: 457 MB become less than 350.
#   sh trim-image.sh VENV      (as root, in the stage that builds)
set -eu
cd "$1"/lib/python3.*/site-packages

apt-get update -qq
apt-get install -y -qq --no-install-recommends binutils >/dev/null
# Not numpy's: what auditwheel has patched there does not load any more when it is stripped.
find so3g so3g.libs cbor2 cryptography ephem msgpack yaml -name '*.so*' -type f -exec strip --strip-unneeded {} +

# The wheel has spt3g's libraries twice: as modules, and as what libso3g.so is linked to. It needs core, once.
core=$(basename so3g.libs/libspt3g-core-*.so)
ln -sf ../so3g/spt3g_internal/libspt3g-core.so "so3g.libs/$core"
for name in calibration dfmux gcp maps; do
    rm -rf so3g/spt3g_internal/"$name" so3g/spt3g_internal/libspt3g-"$name".so so3g.libs/libspt3g-"$name"-*.so
done

# What only tests, compilers and type checkers read.
rm -rf autobahn/_flatc/bin numpy/distutils numpy/f2py
find . -type d \( -name test -o -name tests \) -prune -exec rm -r {} +
find . -type f \( -name '*.a' -o -name '*.h' -o -name '*.pyi' \) -exec rm {} +

# It must load now, or there is no image.
"$1"/bin/python -c 'from so3g import IrregBlockDouble, hk; from so3g.spt3g import core; core.G3Frame()'
