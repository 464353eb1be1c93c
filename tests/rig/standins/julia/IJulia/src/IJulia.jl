"Stand-in for IJulia: writes the same kernel specification, for a kernel that runs code and no more."
module IJulia

export installkernel

const KERNEL = joinpath(dirname(@__DIR__), "kernel.py")

"Install a kernel below JUPYTER_DATA_DIR, or in the home without it; return its folder."
function installkernel(
    name::AbstractString,
    options::AbstractString...;
    julia = joinpath(Sys.BINDIR, "julia"),
    specname = replace(lowercase(name), " " => "-"),
    env = Dict{String,Any}(),
)
    data = get(ENV, "JUPYTER_DATA_DIR", joinpath(homedir(), ".local", "share", "jupyter"))
    folder = joinpath(data, "kernels", "$specname-$(VERSION.major).$(VERSION.minor)")
    mkpath(folder)
    argv = ["python3", KERNEL, "{connection_file}", julia, options...]
    quoted(items) = join(map(repr, items), ", ")
    variables = join(("$(repr(string(key))): $(repr(string(value)))" for (key, value) in env), ", ")
    write(
        joinpath(folder, "kernel.json"),
        """{"argv": [$(quoted(argv))], "display_name": "$name $VERSION", "language": "julia", "env": {$variables}}\n""",
    )
    return folder
end

end
