"Stand-in for the package of this name: it can be installed and loaded, and holds nothing."
module DataFrames
end
