# Sourced by start.sh.
. "$CONDA_DIR/etc/profile.d/conda.sh"
conda activate base
