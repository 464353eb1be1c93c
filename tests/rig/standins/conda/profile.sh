# Read by login shells of images that have conda: `conda activate NAME-OR-PREFIX`, and nothing else
# of the real shell functions.
conda() {
    if [ "${1-}" != activate ]; then
        command conda "$@"
        return
    fi
    case ${2-base} in
        /*) CONDA_PREFIX=$2 ;;
        base) CONDA_PREFIX=$CONDA_DIR ;;
        *) CONDA_PREFIX=$CONDA_DIR/envs/$2 ;;
    esac
    export CONDA_PREFIX CONDA_DEFAULT_ENV="${2-base}" PATH="$CONDA_PREFIX/bin:$PATH"
}
